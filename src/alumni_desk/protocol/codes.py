"""Codes that people type and scanners read: badges, invitations and recovery keys."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable

BADGE_LETTERS = "BCDEFGHJKLNOPRSTUVX"
"""Letters that lie on the same key of QWERTY, QWERTZ, AZERTY and the Turkish keyboard: a scanner types as a keyboard
does, and often as one of another country. 19 of them, a prime, so that one check letter finds every single wrong letter
and every swapped pair."""

INVITATION_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's 32, read by a person: no I, L, O or U, which are read as 1, 1, 0 and V."""

_SURE = 4
"""So many groups that are right are no accident: one is, once in thirty-two."""
RECOVERY_GROUPS = 8
"""A recovery key's groups: four random letters (20 bits) and one that checks them, 160 bits in all."""

_BADGE_LENGTH = 16
_GROUPS = 4
_TYPED = 19  # four groups of four, and what stands between them
_SEAL = 16
_RECOVERY_LENGTH = 5
_VENUE_LENGTH = 5
_LOOKS_LIKE = str.maketrans({"I": "1", "L": "1", "O": "0", "U": "V", "ı": "1"})
_SEPARATORS = str.maketrans(dict.fromkeys(" -–—_.\t\r\n\u00a0"))


def _badge_check(letters: str) -> str:
    total = sum((place + 1) * BADGE_LETTERS.index(letter) for place, letter in enumerate(letters))
    return BADGE_LETTERS[total % len(BADGE_LETTERS)]


def badge_code(choose: Callable[[str], str] = secrets.choice) -> str:
    """A badge's code that is nobody's: 15 random letters (63 bits) and a check letter. ``choose``: for the sample, which is the same each time."""
    letters = "".join(choose(BADGE_LETTERS) for _ in range(_BADGE_LENGTH - 1))
    return letters + _badge_check(letters)


def badge_code_of(registration: str) -> str:
    """The code that a registration is given, the same on every laptop: two that put one guest on a list apart print one badge. Only who has the list knows
    the id that it follows from."""
    number = int.from_bytes(hashlib.blake2b(registration.encode(), digest_size=16, person=b"badge").digest(), "big")
    letters = ""
    for _place in range(_BADGE_LENGTH - 1):
        number, letter = divmod(number, len(BADGE_LETTERS))
        letters += BADGE_LETTERS[letter]
    return letters + _badge_check(letters)


def read_badge_code(text: str) -> str | None:
    """The badge code in what a scanner or a person typed, or None if it is not one."""
    code = text.translate(_SEPARATORS).upper()
    if len(code) != _BADGE_LENGTH or any(letter not in BADGE_LETTERS for letter in code):
        return None
    return code if _badge_check(code[:-1]) == code[-1] else None


def badge_behind(text: str) -> tuple[str, str] | None:
    """A badge code at the end of what somebody was typing as a scanner came in, and what they had typed before; None if it does not end in one."""
    if (whole := read_badge_code(text)) is not None:
        return "", whole
    badge = read_badge_code(text[-_BADGE_LENGTH:]) if len(text) > _BADGE_LENGTH else None
    return (text[:-_BADGE_LENGTH], badge) if badge is not None else None


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


def _new_groups(count: int, length: int) -> str:
    groups = []
    for group in range(count):
        letters = "".join(secrets.choice(INVITATION_LETTERS) for _ in range(length - 1))
        groups.append(letters + _group_check(group, letters))
    return "-".join(groups)


def _plain(text: str) -> str:
    return text.translate(_SEPARATORS).upper().translate(_LOOKS_LIKE)


def _split(text: str, count: int, length: int) -> list[str]:
    """The groups of what somebody typed; one more at the end if there is too much."""
    plain = _plain(text)
    parts = [plain[length * group:length * (group + 1)] for group in range(count)]
    return [*parts, plain[length * count:]] if len(plain) > length * count else parts


def _right(group: int, letters: str, length: int) -> bool:
    return (len(letters) == length and all(letter in INVITATION_LETTERS for letter in letters)
            and _group_check(group, letters[:-1]) == letters[-1])  # fmt: skip


def _wrong(text: str, count: int, length: int) -> int | None:
    parts = _split(text, count, length)
    for group in range(count):
        if not _right(group, parts[group], length):
            return group + 1
    return count if len(parts) > count else None


def new_invitation() -> str:
    """A new invitation's code: ``XXXX-XXXX-XXXX-XXXX``, 60 random bits, each group checked by its last letter."""
    return _new_groups(_GROUPS, 4)


def long_invitation(code: str, seal: bytes) -> str:
    """The code as QR codes and files carry it, which nobody types: eighty bits of its server's seal stand after it."""
    number = int.from_bytes(seal[:10], "big")
    letters = "".join(INVITATION_LETTERS[number >> 5 * place & 31] for place in reversed(range(_SEAL)))
    return "-".join([code, *(letters[start:start + 4] for start in range(0, _SEAL, 4))])


def short_invitation(code: str) -> str:
    """The part that people type of an invitation's code, in its one written form, long or short."""
    return code[:_TYPED]


def read_invitation(text: str) -> str | None:
    """The invitation's code in what somebody typed or scanned, in its one written form, or None if it is not one."""
    typed, seal = _unsealed(text)
    if _wrong(typed, _GROUPS, 4) is not None:
        return None
    return "-".join([*_split(typed, _GROUPS, 4), *(seal[start:start + 4] for start in range(0, len(seal), 4))])


def wrong_group(text: str) -> int | None:
    """Which of the four groups (1 to 4) is mistyped or unfinished, the first of them; None if all are right."""
    return _wrong(_unsealed(text)[0], _GROUPS, 4)


def _unsealed(text: str) -> tuple[str, str]:
    """What people type of a code, and the seal after it, if there is one."""
    plain = _plain(text)
    seal = plain[4 * _GROUPS:]
    return (plain[:4 * _GROUPS], seal) if len(seal) == _SEAL and all(letter in INVITATION_LETTERS for letter in seal) else (text, "")


def new_venue_code() -> str:
    """A code for laptops that meet: ``XXXXX-XXXXX``, 50 random bits, to be read aloud across a room."""
    letters = "".join(secrets.choice(INVITATION_LETTERS) for _ in range(2 * _VENUE_LENGTH))
    return f"{letters[:_VENUE_LENGTH]}-{letters[_VENUE_LENGTH:]}"


def read_venue_code(text: str) -> str | None:
    """The venue's code in what somebody typed, in its one written form, or None if it cannot be one."""
    letters = _plain(text)
    if len(letters) != 2 * _VENUE_LENGTH or any(letter not in INVITATION_LETTERS for letter in letters):
        return None
    return f"{letters[:_VENUE_LENGTH]}-{letters[_VENUE_LENGTH:]}"


def new_recovery_key() -> str:
    """A new recovery key: eight groups of five, 160 random bits, each group checked by its last letter."""
    return _new_groups(RECOVERY_GROUPS, _RECOVERY_LENGTH)


def read_recovery_key(text: str) -> str | None:
    """The recovery key in what somebody typed, in its one written form, or None if it is not one."""
    return None if wrong_recovery_group(text) is not None else "-".join(_split(text, RECOVERY_GROUPS, _RECOVERY_LENGTH))


def wrong_recovery_group(text: str) -> int | None:
    """Which of the eight groups (1 to 8) is mistyped or unfinished, the first of them; None if all are right."""
    return _wrong(text, RECOVERY_GROUPS, _RECOVERY_LENGTH)


def recovery_groups(text: str) -> int:
    """How many groups somebody typed of a recovery key, one that is not finished among them."""
    return -(-len(_plain(text)) // _RECOVERY_LENGTH)


def read_recovery_group(text: str) -> str:
    """One group as it is written: capitals, and letters that are never used read as what they look like."""
    return _plain(text)


def like_recovery_key(text: str) -> bool:
    """Whether somebody seems to have typed a recovery key, with or without errors, and not a password."""
    if read_recovery_key(text) is not None:
        return True
    words = text.upper().replace("-", " ").split()
    if len(words) < RECOVERY_GROUPS - 1:
        return _run_together(_plain(text))
    return abs(len(words) - RECOVERY_GROUPS) <= 1 and sum(len(word) == _RECOVERY_LENGTH for word in words) >= RECOVERY_GROUPS - 2


def _run_together(letters: str) -> bool:
    """Whether these are a recovery key without its hyphens, with few errors: about as many letters, and groups that are right, from either end."""
    from_end = letters[max(0, len(letters) - RECOVERY_GROUPS * _RECOVERY_LENGTH):].rjust(RECOVERY_GROUPS * _RECOVERY_LENGTH)
    right = {group for text in (letters, from_end) for group in range(RECOVERY_GROUPS)
             if _right(group, text[_RECOVERY_LENGTH * group:_RECOVERY_LENGTH * (group + 1)], _RECOVERY_LENGTH)}
    return abs(len(letters) - RECOVERY_GROUPS * _RECOVERY_LENGTH) <= 2 and len(right) >= _SURE
