"""The keys by which laptops without a server seal and open for each other: they come with grants."""

from __future__ import annotations

import hashlib

import msgspec


class Keys(msgspec.Struct, frozen=True):
    """What a laptop seals and opens with in one scope. A leader has ``chapter``; the door has ``chapter_public`` and its ``gathering``'s key."""

    chapter: bytes = b""
    chapter_public: bytes = b""
    gathering: bytes = b""
    gathering_id: str | None = None

    def public(self) -> bytes:
        """The chapter's public key; empty if it is not known."""
        if not self.chapter:
            return self.chapter_public
        from nacl.public import PrivateKey

        return bytes(PrivateKey(self.chapter).public_key)

    def of_gathering(self, gathering: str) -> bytes:
        """A gathering's key; empty if it is not ours to know."""
        if self.chapter:
            return gathering_key(self.chapter, gathering)
        return self.gathering if gathering == self.gathering_id else b""


def gathering_key(chapter: bytes, gathering: str) -> bytes:
    """The key of a gathering, from the chapter's private one."""
    return hashlib.blake2b(gathering.encode(), key=chapter, person=b"gathering", digest_size=32).digest()


def keys_of(granted: dict[str, bytes], gathering: str | None) -> Keys:
    """The keys that came with a grant."""
    return Keys(chapter=granted.get("chapter", b""), chapter_public=granted.get("chapter_public", b""), gathering=granted.get("gathering", b""),
                gathering_id=gathering)
