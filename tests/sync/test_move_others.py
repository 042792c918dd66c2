"""A move never puts a chapter beside another one's people unasked: they would see all of it, and nobody could take it back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from alumni_desk.__main__ import main
from alumni_desk.errors import KnownError
from alumni_desk.members.actions import add_member
from alumni_desk.protocol.messages import Offer
from alumni_desk.store.desk import Desk
from alumni_desk.sync import keeping, moving, others_there
from alumni_desk.sync.engine import join, sync_once
from alumni_desk.sync.join import look

from .test_keeping import free_port, names

MakeDesk = Callable[[str], Desk]


def keeper(make_desk: MakeDesk, *people: str) -> Desk:
    """A laptop that keeps a chapter with these people."""
    desk = make_desk("keeper")
    desk.make_chapter("Great Lakes", "Aldermoor", "America/Chicago")
    for one in people:
        add_member(desk, first_name=one)
    keeping.begin(desk, port=free_port(), host="127.0.0.1").stop()
    return desk


def boston(office: Any, make_desk: MakeDesk) -> Desk:
    """The laptop of another chapter at the office's server, with two people."""
    desk = make_desk("boston")
    join(desk, office.url, office.invite())
    for one in ("Ana", "Bo"):
        add_member(desk, first_name=one)
    sync_once(desk)
    return desk


def test_a_chapter_is_not_put_beside_another_ones_people_unless_that_is_said(office: Any, make_desk: MakeDesk) -> None:
    there, desk = boston(office, make_desk), keeper(make_desk, "Xia", "Yan", "Zoe")
    code = office.invite()
    shown = look(desk, office.url, code)
    assert (shown.moves, shown.others, shown.people, shown.here, shown.chapter) == (True, True, 2, "3 people", office.chapter)
    with pytest.raises(KnownError, match=r"has 2 people already\. A move puts what is here beside them \(3 people\); whoever leads .* --merge") as raised:
        keeping.move_away(desk, None, office.url, code)
    assert raised.value.code == others_there.CODE and keeping.keeps(desk)
    sync_once(there)
    assert names(there) == {"Ana", "Bo"}
    keeping.move_away(desk, None, office.url, code, merge=True)
    sync_once(desk)
    assert names(desk) == {"Ana", "Bo", "Xia", "Yan", "Zoe"} and not keeping.keeps(desk)


def test_an_empty_chapter_and_ones_own_that_has_moved_already_are_not_asked_about(office: Any, make_server: Any, make_desk: MakeDesk) -> None:
    first, second = boston(office, make_desk), make_desk("second")
    join(second, office.url, office.invite())
    sync_once(second)
    new = make_server()
    shown = look(first, new.url, code := new.invite("Boston"))
    assert (shown.people, shown.others) == (0, False)
    moving.move(first, new.url, code)
    add_member(first, first_name="New")
    sync_once(first)
    shown = look(second, new.url, code := new.invite("Boston"))
    assert (shown.people, shown.others) == (3, False), "Ana and Bo are here and there"
    moving.move(second, new.url, code)
    sync_once(second)
    assert names(second) == {"Ana", "Bo", "New"}


def test_where_nothing_goes_along_nothing_is_asked(office: Any, make_server: Any, make_desk: MakeDesk) -> None:
    boston(office, make_desk)
    desk, own = make_desk("empty"), make_server()
    join(desk, own.url, own.invite("Nobody"))
    sync_once(desk)
    code = office.invite()
    assert not look(desk, office.url, code).others
    moving.move(desk, office.url, code)
    sync_once(desk)
    assert names(desk) == {"Ana", "Bo"}


def test_killed_once_the_invitation_was_used_the_same_call_finishes(office: Any, make_desk: MakeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    boston(office, make_desk)
    desk, code = keeper(make_desk, "Xia"), office.invite()

    class Killed(BaseException):
        """The end of the program."""

    def killed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(moving, "take_along", killed)
        with pytest.raises(Killed):
            keeping.move_away(desk, None, office.url, code, merge=True)
    assert keeping.keeps(desk) and not look(desk, office.url, code).others, "it was said before"
    keeping.move_away(desk, None, office.url, code, merge=True)
    sync_once(desk)
    assert names(desk) == {"Ana", "Bo", "Xia"}


def test_of_a_server_that_does_not_say_who_is_there_it_is_asked(office: Any, make_desk: MakeDesk) -> None:
    """One of a former version."""
    with boston(office, make_desk).reading() as connection:
        assert others_there.are_others(connection, Offer(by="", expires=0), "ABCD")
    assert "does not say who is in Boston" in str(others_there.refusal("Boston", None, "3 people"))


def test_the_command_refuses_with_a_sentence_and_takes_merge(office: Any, make_desk: MakeDesk, capsys: pytest.CaptureFixture[str]) -> None:
    boston(office, make_desk)
    desk = keeper(make_desk, "Xia")
    profile, code = str(desk.profile.path), office.invite()
    desk.close()
    assert main(["--profile", profile, "move", office.url, code]) == 1
    said = capsys.readouterr().err
    assert "2 people already" in said and "Nothing was moved" in said and "--merge" in said and "Ana" not in said
    assert main(["--profile", profile, "move", office.url, code, "--merge"]) == 0
