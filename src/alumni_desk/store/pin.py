"""A short number that is asked for now and then: kept as an argon2id hash."""

from __future__ import annotations


def made(pin: str) -> str:
    """What to keep of a PIN."""
    from nacl import pwhash

    kept: bytes = pwhash.argon2id.str(pin.encode(), opslimit=pwhash.argon2id.OPSLIMIT_INTERACTIVE, memlimit=pwhash.argon2id.MEMLIMIT_INTERACTIVE)
    return kept.decode("ascii")


def fits(kept: str, typed: str) -> bool:
    """Whether what was typed is the PIN that was kept."""
    from nacl import exceptions, pwhash

    try:
        return bool(pwhash.verify(kept.encode("ascii"), typed.strip().encode()))
    except (exceptions.InvalidkeyError, exceptions.CryptPrefixError):
        return False
