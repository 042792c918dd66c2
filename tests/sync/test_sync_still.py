"""A sync with nothing to do is one small question, and whatever there is to do is done at the next one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from alumni_desk.errors import KnownError
from alumni_desk.protocol.messages import HelloRequest
from alumni_desk.store.desk import Desk
from alumni_desk.sync.engine import join, sync_once, wire_of
from alumni_desk.sync.wire import Wire


class Counting:
    """A wire that notes what is asked."""

    def __init__(self, desk: Desk) -> None:
        self.wire = wire_of(desk)
        self.asked: list[Any] = []
        call = self.wire.call

        def noting(name: str, message: Any, reply: Any) -> Any:
            self.asked.append(message if name == "hello" else name)
            return call(name, message, reply)

        self.wire.call = noting  # type: ignore[method-assign]

    def sync(self, desk: Desk) -> tuple[Any, list[Any]]:
        """A sync, and what it asked."""
        self.asked.clear()
        return sync_once(desk, wire=self.wire), list(self.asked)


@pytest.fixture
def at_rest(office: Any, make_desk: Callable[[str], Desk]) -> Iterator[tuple[Desk, Desk, Counting]]:
    """Two desks of a chapter, the first one synced so that nothing is to do."""
    one, two = make_desk("one"), make_desk("two")
    for desk in (one, two):
        join(desk, office.url, office.invite())
    counting = Counting(one)
    for desk in (one, two, one):
        sync_once(desk)
    counting.sync(one)
    yield one, two, counting
    counting.wire.close()


def is_short(asked: list[Any]) -> bool:
    """Whether nothing but the name of the last answer was sent."""
    return len(asked) == 1 and isinstance(asked[0], HelloRequest) and bool(asked[0].same)


def add(desk: Desk, last_name: str) -> str:
    """A member."""
    with desk.writing("added") as writing:
        return writing.add("person", standing="member", last_name=last_name)


def count(desk: Desk) -> int:
    """Members here."""
    with desk.reading() as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM person").scalar() or 0)


def test_nothing_to_do_is_one_question_and_no_write(at_rest: tuple[Desk, Desk, Counting]) -> None:
    one, _two, counting = at_rest
    before = one.version()
    result, asked = counting.sync(one)
    assert is_short(asked), asked
    assert (result.pushed, result.pulled, result.waiting, result.identical) == (0, 0, 0, True)
    assert one.version() == before


def test_what_is_written_here_goes_up_and_what_others_wrote_comes(at_rest: tuple[Desk, Desk, Counting], make_desk: Callable[[str], Desk]) -> None:
    one, two, counting = at_rest
    add(one, "Ray")
    assert counting.sync(one)[0].pushed == 1
    sync_once(two)
    add(two, "Lovelace")
    sync_once(two)
    assert counting.sync(one)[0].pulled >= 1 and count(one) == 2
    counting.sync(one)
    assert is_short(counting.sync(one)[1])
    beside = make_desk("one")  # another program on the same profile
    add(beside, "Hopper")
    assert counting.sync(one)[0].pushed == 1
    counting.sync(one)
    assert is_short(counting.sync(one)[1])
    counting.asked.clear()
    assert sync_once(one, wire=counting.wire, check=True).identical and "digest" in counting.asked, "whoever wants it checked has it checked"


def test_what_came_in_between_does_not_hide_behind_a_sync_that_failed(at_rest: tuple[Desk, Desk, Counting], monkeypatch: pytest.MonkeyPatch) -> None:
    one, two, _counting = at_rest
    add(two, "Lovelace")
    sync_once(two)
    call = Wire.call
    monkeypatch.setattr(Wire, "call", lambda self, name, message, reply: (_ for _ in ()).throw(KnownError("cut", "")) if name == "pull"
                        else call(self, name, message, reply))
    with pytest.raises(KnownError):
        sync_once(one)
    monkeypatch.undo()
    assert sync_once(one).pulled == 1 and count(one) == 1
