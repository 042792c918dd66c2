"""The database's random key: kept by the computer's keyring, or sealed under a passphrase. Never in plain text.

Beside a database ``NAME.db`` lies ``NAME.key``: JSON that says where the key is, and, under a passphrase, the sealed key
itself (argon2id, 64 MiB, 3 passes; then XSalsa20-Poly1305; both of libsodium).
"""

from __future__ import annotations

import base64
import json
import logging
import os
import secrets
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from alumni_desk.errors import StoreProblem
from alumni_desk.store.profile import alone
from alumni_desk.words import _

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

log = logging.getLogger(__name__)

PASSPHRASE = "ALUMNI_DESK_PASSPHRASE"
SERVICE = "Alumni Desk"
PASSES, MEMORY = 3, 64 * 1024 * 1024

Keeper = Literal["keyring", "passphrase"]

# Keyrings of the systems. Others that may be installed keep secrets in plain files.
_TRUSTED = ("keyring.backends.SecretService", "keyring.backends.libsecret", "keyring.backends.kwallet",
            "keyring.backends.macOS", "keyring.backends.Windows")


@dataclass(frozen=True)
class Sealed:
    """A key sealed under a passphrase, as it stands in key files and backups."""

    salt: str
    box: str
    passes: int = PASSES
    memory: int = MEMORY

    def as_json(self) -> dict[str, Any]:
        """Plain values for a file."""
        return {"kdf": "argon2id", "passes": self.passes, "memory": self.memory, "salt": self.salt, "box": self.box}


def seal(key: bytes, passphrase: str) -> Sealed:
    """Seal a key under a passphrase."""
    from nacl import pwhash, secret

    salt = secrets.token_bytes(pwhash.argon2id.SALTBYTES)
    box = secret.SecretBox(_derived(passphrase, salt, PASSES, MEMORY)).encrypt(key)
    return Sealed(base64.b64encode(salt).decode(), base64.b64encode(bytes(box)).decode())


def unseal(sealed: dict[str, Any], passphrase: str) -> bytes:
    """The key again. Raises StoreProblem ``passphrase_wrong``, or ``key_damaged`` where the file cannot be read."""
    from nacl import exceptions, secret

    try:
        passes, memory = int(sealed["passes"]), int(sealed["memory"])
        salt, box = base64.b64decode(sealed["salt"], validate=True), base64.b64decode(sealed["box"], validate=True)
        if not (1 <= passes <= 20 and 8 * 1024 * 1024 <= memory <= 1024 * 1024 * 1024 and len(salt) == 16 and len(box) == 72):
            raise ValueError
    except (KeyError, TypeError, ValueError):
        raise _damaged() from None
    try:
        return bytes(secret.SecretBox(_derived(passphrase, salt, passes, memory)).decrypt(box))
    except exceptions.CryptoError:
        raise StoreProblem("passphrase_wrong", _("That is not the password of this chapter. Check Caps Lock and the keyboard, and try again.")) from None


def _derived(passphrase: str, salt: bytes, passes: int, memory: int) -> bytes:
    import unicodedata

    from nacl import pwhash

    # The same words typed on another keyboard may come decomposed.
    typed = unicodedata.normalize("NFC", passphrase).encode()
    return pwhash.argon2id.kdf(32, typed, salt, opslimit=passes, memlimit=memory)


def database_key(folder: Path, name: str, *, passphrase: str | None = None) -> bytes:
    """The 32-byte key of ``NAME.db`` in a folder; made, and kept, the first time.

    A passphrase given, or in ``ALUMNI_DESK_PASSPHRASE``, wins over the keyring. Raises StoreProblem: ``passphrase_wanted`` (no
    keyring works and none was chosen yet), ``passphrase_needed``, ``passphrase_wrong``, ``keyring_silent``, ``key_lost``, ``key_damaged``.
    """
    file = folder / f"{name}.key"
    typed = passphrase or os.environ.get(PASSPHRASE) or None
    with alone(folder / f"{name}.lock"):
        if file.exists():
            return _kept(_read(file), typed)
        if (folder / f"{name}.db").exists():
            raise StoreProblem("key_lost", _("The key of the database in {folder} is missing, so it cannot be opened. Restore a backup."), folder=folder)
        key = secrets.token_bytes(32)
        _write(file, _keep(key, typed))
        return key


def keeper(folder: Path, name: str) -> Keeper:
    """Who keeps the key of a database that exists."""
    return "keyring" if _read(folder / f"{name}.key").get("kept") == "keyring" else "passphrase"


def sealed_key(folder: Path, name: str) -> dict[str, Any] | None:
    """The sealed key as the key file has it; None if the keyring keeps the key."""
    content = _read(folder / f"{name}.key")
    return content if content.get("kept") == "passphrase" else None


def boxes(folder: Path, name: str) -> dict[str, Any]:
    """What a backup carries of a key: who keeps it here, and the key sealed under the passphrase and the recovery key, as far as they exist."""
    content = _read(folder / f"{name}.key")
    return {"kept": keeper(folder, name), "key": sealed_key(folder, name), "recovery": content.get("recovery")}


def derived(key: bytes, purpose: bytes) -> bytes:
    """Another 32-byte key for a file beside the database; ``purpose`` (at most 16 bytes) keeps them apart."""
    import hashlib

    return hashlib.blake2b(key=key, digest_size=32, person=purpose).digest()


def keep_anew(folder: Path, name: str, key: bytes, passphrase: str | None) -> Keeper:
    """Keep a database's key under another passphrase, or, without one, in the keyring."""
    file = folder / f"{name}.key"
    with alone(folder / f"{name}.lock"):
        before = _read(file) if file.exists() else {}
        content = _keep(key, passphrase)
        _write(file, content)
        _forget(before)
    return "keyring" if content["kept"] == "keyring" else "passphrase"


def has_keyring() -> bool:
    """Whether this computer has a keyring that could keep a key."""
    return _keyring() is not None


def _kept(content: dict[str, Any], typed: str | None) -> bytes:
    if content.get("kept") == "passphrase":
        if typed is None:
            raise StoreProblem("passphrase_needed", _(
                "This chapter is locked with a password. Type it, or set ALUMNI_DESK_PASSPHRASE before a command."))
        return unseal(content, typed)
    ring = _keyring()
    found = _ask(ring, str(content.get("id"))) if ring is not None else None
    if found is None:
        raise StoreProblem("keyring_silent", _(
            "This computer's password store does not give out the key of the chapter. Unlock it (signing in to the computer does) and "
            "try again, or restore a backup."))
    try:
        key = base64.b64decode(found, validate=True)
    except ValueError:
        raise _damaged() from None
    if len(key) != 32:
        raise _damaged()
    return key


def _keep(key: bytes, typed: str | None) -> dict[str, Any]:
    if typed is not None:
        return {"kept": "passphrase", **seal(key, typed).as_json()}
    ring, name = _keyring(), str(uuid.uuid4())
    if ring is not None and _give(ring, name, base64.b64encode(key).decode()):
        return {"kept": "keyring", "id": name}
    raise StoreProblem("passphrase_wanted", _(
        "This computer has no password store that works, so a password of your own has to lock the chapter. Choose one in the window, "
        "or set ALUMNI_DESK_PASSPHRASE before a command."))


def _keyring() -> KeyringBackend | None:
    """The system's own keyring, if one answers."""
    import keyring.backend
    from keyring.errors import KeyringError

    try:
        backends = [one for one in keyring.backend.get_all_keyring() if type(one).__module__.startswith(_TRUSTED)]
    except (KeyringError, OSError, RuntimeError) as error:
        log.warning("no keyring: %s", type(error).__name__)
        return None
    return max(backends, key=lambda one: float(one.priority), default=None)


def _ask(ring: KeyringBackend, name: str) -> str | None:
    from keyring.errors import KeyringError

    try:
        return ring.get_password(SERVICE, name)
    except (KeyringError, OSError, RuntimeError) as error:
        log.warning("the keyring does not answer: %s", type(error).__name__)
        return None


def _give(ring: KeyringBackend, name: str, secret: str) -> bool:
    from keyring.errors import KeyringError

    try:
        ring.set_password(SERVICE, name, secret)
        return ring.get_password(SERVICE, name) == secret  # some take it and keep nothing
    except (KeyringError, OSError, RuntimeError) as error:
        log.warning("the keyring takes no key: %s", type(error).__name__)
        return False


def _forget(before: dict[str, Any]) -> None:
    from keyring.errors import KeyringError

    ring = _keyring() if before.get("kept") == "keyring" else None
    if ring is not None:
        try:
            ring.delete_password(SERVICE, str(before.get("id")))
        except (KeyringError, OSError, RuntimeError) as error:
            log.warning("the keyring keeps an old key: %s", type(error).__name__)


def _read(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        raise _damaged() from None
    if not isinstance(content, dict):
        raise _damaged()
    return content


def _write(file: Path, content: dict[str, Any]) -> None:
    part = file.with_suffix(".key.part")
    handle = os.open(part, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        json.dump(content, stream)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(part, file)
    if os.name == "posix":
        folder = os.open(file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _damaged() -> StoreProblem:
    return StoreProblem("key_damaged", _("The file that leads to the chapter's key cannot be read, so the chapter cannot be opened. Restore a backup."))
