"""Codes that people type and scanners read: badges and invitations."""

from __future__ import annotations

import secrets
from collections.abc import Callable

BADGE_LETTERS = "BCDEFGHJKLNOPRSTUVX"
"""Letters that lie on the same key of QWERTY, QWERTZ, AZERTY and the Turkish keyboard: a scanner types as a keyboard
does, and often as one of another country. 19 of them, a prime, so that one check letter finds every single wrong letter
and every swapped pair."""

INVITATION_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's 32, read by a person: no I, L, O or U, which are read as 1, 1, 0 and V."""

_BADGE_LENGTH = 16
_GROUPS = 4
_LOOKS_LIKE = str.maketrans({"I": "1", "L": "1", "O": "0", "U": "V", "ı": "1"})
_SEPARATORS = str.maketrans(dict.fromkeys(" -–—_.\t\r\n\u00a0"))


def _badge_check(letters: str) -> str:
    total = sum((place + 1) * BADGE_LETTERS.index(letter) for place, letter in enumerate(letters))
    return BADGE_LETTERS[total % len(BADGE_LETTERS)]


def badge_code(choose: Callable[[str], str] = secrets.choice) -> str:
    """A new badge's code: 15 random letters (63 bits) and a check letter. ``choose``: for the sample, which is the same each time."""
    letters = "".join(choose(BADGE_LETTERS) for _ in range(_BADGE_LENGTH - 1))
    return letters + _badge_check(letters)


def read_badge_code(text: str) -> str | None:
    """The badge code in what a scanner or a person typed, or None if it is not one."""
    code = text.translate(_SEPARATORS).upper()
    if len(code) != _BADGE_LENGTH or any(letter not in BADGE_LETTERS for letter in code):
        return None
    return code if _badge_check(code[:-1]) == code[-1] else None


def _times(a: int, b: int) -> int:
    """The product of two elements of GF(32), x⁵ + x² + 1."""
    product = 0
    while b:
        if b & 1:
            product ^= a
        a <<= 1
        if a & 32:
            a ^= 0b100101
        b >>= 1
    return product


def _group_check(group: int, letters: str) -> str:
    """The last letter of a group. Weights differ by place and group: swapped letters and swapped groups are found."""
    total = group + 1
    for place, letter in enumerate(letters):
        total ^= _times(INVITATION_LETTERS.index(letter), place + 2)
    return INVITATION_LETTERS[total]


def new_invitation() -> str:
    """A new invitation's code: ``XXXX-XXXX-XXXX-XXXX``, 60 random bits, each group checked by its last letter."""
    groups = []
    for group in range(_GROUPS):
        letters = "".join(secrets.choice(INVITATION_LETTERS) for _ in range(3))
        groups.append(letters + _group_check(group, letters))
    return "-".join(groups)


def _plain(text: str) -> str:
    return text.translate(_SEPARATORS).upper().translate(_LOOKS_LIKE)


def read_invitation(text: str) -> str | None:
    """The invitation's code in what somebody typed, in its one written form, or None if it is not one."""
    plain = _plain(text)
    if len(plain) != 4 * _GROUPS or wrong_group(text) is not None:
        return None
    return "-".join(plain[4 * i:4 * i + 4] for i in range(_GROUPS))


def wrong_group(text: str) -> int | None:
    """Which of the four groups (1 to 4) is mistyped or unfinished, the first of them; None if all are right."""
    plain = _plain(text)
    for group in range(_GROUPS):
        letters = plain[4 * group:4 * group + 4]
        if len(letters) < 4 or any(letter not in INVITATION_LETTERS for letter in letters):
            return group + 1
        if _group_check(group, letters[:3]) != letters[3]:
            return group + 1
    return _GROUPS if len(plain) > 4 * _GROUPS else None
