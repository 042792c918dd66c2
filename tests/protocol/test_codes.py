"""Codes people type: every single slip is found, and the wrong group is named."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alumni_desk.protocol.codes import (
    BADGE_LETTERS,
    INVITATION_LETTERS,
    badge_code,
    badge_code_of,
    like_recovery_key,
    long_invitation,
    new_invitation,
    new_recovery_key,
    read_badge_code,
    read_invitation,
    read_recovery_key,
    short_invitation,
    wrong_group,
    wrong_recovery_group,
)


def test_badge_codes_are_read_back_however_they_are_written() -> None:
    for _ in range(200):
        code = badge_code()
        assert len(code) == 16
        assert read_badge_code(code) == code
        assert read_badge_code(f" {code[:4]}-{code[4:].lower()}\r\n") == code


@given(place=st.integers(0, 15), letter=st.sampled_from(BADGE_LETTERS))
def test_one_wrong_letter_on_a_badge_is_found(place: int, letter: str) -> None:
    code = badge_code()
    wrong = code[:place] + letter + code[place + 1:]
    assert read_badge_code(wrong) == (code if wrong == code else None)


@given(place=st.integers(0, 13))
def test_two_swapped_letters_on_a_badge_are_found(place: int) -> None:
    code = badge_code()
    wrong = code[:place] + code[place + 1] + code[place] + code[place + 2:]
    assert read_badge_code(wrong) == (code if wrong == code else None)


def test_badge_letters_lie_on_the_same_key_everywhere() -> None:
    assert not set(BADGE_LETTERS) & set("AQWZYMI0123456789")


def test_a_code_that_follows_from_a_name_is_one_and_is_never_another() -> None:
    names = [f"0192f0c1-0000-7000-8000-{number:012x}" for number in range(2_000)]
    codes = [badge_code_of(name) for name in names]
    assert [read_badge_code(code) for code in codes] == codes == [badge_code_of(name) for name in names]
    assert len(set(codes)) == len(names) and {letter for code in codes for letter in code} == set(BADGE_LETTERS)
    assert codes[0] == "GNXRKHVSULJNNHVK", "badges are printed with it"


@pytest.mark.parametrize("text", ["", "hello", "B" * 15, "B" * 17, "1234567890123456", "ЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖ"])
def test_what_is_no_badge_code(text: str) -> None:
    assert read_badge_code(text) is None


def test_invitations_are_read_back_however_they_are_typed() -> None:
    for _ in range(200):
        code = new_invitation()
        assert [len(group) for group in code.split("-")] == [4, 4, 4, 4]
        sloppy = code.lower().replace("-", " ").replace("0", "o").replace("1", "l").replace("v", "u")
        assert read_invitation(sloppy) == code
        assert wrong_group(sloppy) is None


@given(place=st.integers(0, 15), letter=st.sampled_from(INVITATION_LETTERS))
def test_one_wrong_letter_names_its_group(place: int, letter: str) -> None:
    plain = new_invitation().replace("-", "")
    wrong = plain[:place] + letter + plain[place + 1:]
    if wrong == plain:
        assert wrong_group(wrong) is None
    else:
        assert wrong_group(wrong) == place // 4 + 1
        assert read_invitation(wrong) is None


@given(group=st.integers(0, 3), place=st.integers(0, 2))
def test_two_swapped_letters_name_their_group(group: int, place: int) -> None:
    plain = new_invitation().replace("-", "")
    at = 4 * group + place
    wrong = plain[:at] + plain[at + 1] + plain[at] + plain[at + 2:]
    assert wrong_group(wrong) == (None if wrong == plain else group + 1)


def test_swapped_groups_are_found() -> None:
    found = 0
    for _ in range(100):
        groups = new_invitation().split("-")
        groups[0], groups[1] = groups[1], groups[0]
        found += wrong_group("-".join(groups)) == 1
    assert found == 100


@pytest.mark.parametrize(("text", "group"), [("", 1), ("!!!!", 1)])
def test_unfinished_codes_name_the_group_to_finish(text: str, group: int) -> None:
    assert wrong_group(text) == group
    whole = new_invitation()
    assert wrong_group(whole[:-2]) == 4
    assert wrong_group(whole + "7") == 4


@given(place=st.integers(0, 39), letter=st.sampled_from(INVITATION_LETTERS))
def test_one_wrong_letter_of_a_recovery_key_names_its_group(place: int, letter: str) -> None:
    key = new_recovery_key()
    plain = key.replace("-", "")
    typed = plain[:place] + letter + plain[place + 1:]
    assert wrong_recovery_group(typed) == (None if typed == plain else place // 5 + 1)
    assert read_recovery_key(typed) == (key if typed == plain else None)


@given(group=st.integers(0, 7), place=st.integers(0, 3))
def test_two_swapped_letters_of_a_recovery_key_are_found(group: int, place: int) -> None:
    plain = new_recovery_key().replace("-", "")
    at = 5 * group + place
    typed = plain[:at] + plain[at + 1] + plain[at] + plain[at + 2:]
    assert wrong_recovery_group(typed) == (None if typed == plain else group + 1)


def test_a_recovery_key_is_told_from_a_password() -> None:
    key = new_recovery_key()
    assert like_recovery_key(key) and like_recovery_key(key.replace("-", " ").lower()) and like_recovery_key(key.replace("-", ""))
    assert like_recovery_key(key[:-1]) and not like_recovery_key("three words to remember")
    assert not like_recovery_key("correct horse battery staple and a very long tail")
    assert len(set(key.replace("-", ""))) > 8 and wrong_recovery_group(key + "A") == 8
    assert not like_recovery_key("correcthorsebatterystaplecorrecthorsebat") and not like_recovery_key("")


@pytest.mark.parametrize("place", range(0, 40, 3))
@pytest.mark.parametrize("kind", ["another", "left out", "twice"])
def test_a_mistyped_recovery_key_without_hyphens_is_no_password(place: int, kind: str) -> None:
    letters = new_recovery_key().replace("-", "").lower()
    other = "2" if letters[place] != "2" else "3"
    typed = letters[:place] + {"another": other, "left out": "", "twice": 2 * letters[place]}[kind] + letters[place + 1:]
    assert like_recovery_key(typed) and wrong_recovery_group(typed) is not None


def test_a_long_invitation_is_a_short_one_and_eighty_bits() -> None:
    code = new_invitation()
    long = long_invitation(code, bytes(range(10)))
    assert len(long) == 39 and short_invitation(long) == short_invitation(code) == code
    assert read_invitation(long) == read_invitation(long.lower().replace("-", " ")) == long and wrong_group(long) is None
    assert len({long_invitation(code, number.to_bytes(10, "big")) for number in (0, 1, 1 << 79, (1 << 80) - 1)}) == 4
    assert read_invitation(long[:-1]) is None and read_invitation(long + "2") is None
    wrong = ("2" if code[0] != "2" else "3") + long[1:]
    assert read_invitation(wrong) is None and wrong_group(wrong) == 1
