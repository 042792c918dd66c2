"""The database's random key and who keeps it: the computer's keyring, a passphrase, the recovery key. Never in plain text.

Beside a database ``NAME.db`` lies ``NAME.key``: JSON with one entry for each keeper there is. ``keyring``: under which name the
keyring has the key. ``passphrase``: the key sealed under one (argon2id, 64 MiB, 3 passes; then XSalsa20-Poly1305; both of
libsodium). ``recovery``: the key sealed under the recovery key (160 random bits, so BLAKE2b is enough to derive from).
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import logging
import os
import secrets
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar

from alumni_desk.errors import Refused, StoreProblem
from alumni_desk.protocol import codes
from alumni_desk.store.disk import disk_problem
from alumni_desk.store.patience import NoAnswer, Patience
from alumni_desk.store.profile import alone
from alumni_desk.words import _, ngettext

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

log = logging.getLogger(__name__)
T = TypeVar("T")

PASSPHRASE = "ALUMNI_DESK_PASSPHRASE"
RECOVERY = "ALUMNI_DESK_RECOVERY"
SERVICE = "Alumni Desk"
DESK = "desk"
"""The name of a desk's database; a server's is another one."""
BEGUN = "desk.begun"
"""An empty file from before the first key was made until there is a database: a key without either was not the start of a desk that was killed."""
SHORTEST = 10
"""So many letters a new passphrase has at least; an older one that is shorter still opens."""

PASSES, MEMORY = 3, 64 * 1024 * 1024
PERSON = b"desk recovery 1"

Keeper = Literal["keyring", "passphrase"]
_KEEPERS = ("keyring", "passphrase", "recovery")

# Keyrings of the systems. Others that may be installed keep secrets in plain files.
_TRUSTED = {"win32": ("Windows",), "darwin": ("macOS",)}.get(sys.platform, ("SecretService", "libsecret", "kwallet"))


class Sealed(NamedTuple):
    """A key sealed under a passphrase, as it stands in key files and backups."""

    salt: str
    box: str
    passes: int
    memory: int

    def as_json(self) -> dict[str, Any]:
        """Plain values for a file."""
        return _summed({"kdf": "argon2id", "passes": self.passes, "memory": self.memory, "salt": self.salt, "box": self.box})


def seal(key: bytes, passphrase: str) -> Sealed:
    """Seal a key under a passphrase."""
    from nacl import pwhash, secret

    salt = secrets.token_bytes(pwhash.argon2id.SALTBYTES)
    box = secret.SecretBox(_derived(passphrase, salt, PASSES, MEMORY)).encrypt(key)
    return Sealed(base64.b64encode(salt).decode(), base64.b64encode(bytes(box)).decode(), PASSES, MEMORY)


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
        if not _is_whole(sealed, ("kdf", "passes", "memory", "salt", "box")):
            raise StoreProblem("passphrase_wrong", _("The file that leads to the chapter’s key was damaged on the disk: no password opens it any more. Type "
                                                     "the recovery key, or restore a backup: the key lies in that, too.")) from None
        raise StoreProblem("passphrase_wrong", _("That is not the password of this chapter. Check Caps Lock and the keyboard, and try again.")) from None


def _derived(passphrase: str, salt: bytes, passes: int, memory: int) -> bytes:
    import unicodedata

    from nacl import pwhash

    # The same words typed on another keyboard may come decomposed.
    typed = unicodedata.normalize("NFC", passphrase).encode()
    return pwhash.argon2id.kdf(32, typed, salt, opslimit=passes, memlimit=memory)


def _summed(sealed: dict[str, Any]) -> dict[str, Any]:
    """What is written of a sealed key, with a sum by which a bit that a disk turned over is told from a wrong password."""
    return {**sealed, "sum": _sum(sealed)}


def _sum(sealed: Mapping[str, Any]) -> str:
    return hashlib.blake2b(json.dumps(sealed, sort_keys=True).encode(), digest_size=8).hexdigest()


def _is_whole(sealed: Mapping[str, Any], names: Sequence[str]) -> bool:
    """Whether a sealed key is as it was written; as far as is known, if that was before there were sums."""
    if "sum" not in sealed:
        return sealed.keys() <= set(names)
    return sealed.keys() == {*names, "sum"} and sealed["sum"] == _sum({name: sealed[name] for name in names})


def seal_for_recovery(key: bytes, recovery_key: str) -> dict[str, Any]:
    """Seal a key under the recovery key, for key files and backups."""
    from nacl import secret

    salt = secrets.token_bytes(16)
    box = secret.SecretBox(_recovery_derived(recovery_key, salt)).encrypt(key)
    return _summed({"kdf": "blake2b", "salt": base64.b64encode(salt).decode(), "box": base64.b64encode(bytes(box)).decode()})


def unseal_with_recovery(sealed: Mapping[str, Any], recovery_key: str) -> bytes:
    """The key again. Raises StoreProblem ``recovery_wrong``, or ``key_damaged`` where the file cannot be read."""
    from nacl import exceptions, secret

    try:
        salt, box = base64.b64decode(sealed["salt"], validate=True), base64.b64decode(sealed["box"], validate=True)
        if len(salt) != 16 or len(box) != 72:
            raise ValueError
    except (KeyError, TypeError, ValueError):
        raise _damaged() from None
    try:
        return bytes(secret.SecretBox(_recovery_derived(recovery_key, salt)).decrypt(box))
    except exceptions.CryptoError:
        if not _is_whole(sealed, ("kdf", "salt", "box")):
            raise StoreProblem("recovery_wrong", _("The file that leads to the chapter’s key was damaged on the disk: no recovery key opens it any more. Type "
                                                   "the password, or restore a backup: the key lies in that, too.")) from None
        raise StoreProblem("recovery_wrong", _(
            "That recovery key has no typing error, but it belongs to another chapter or was replaced by a newer one. "
            "Look for the newest paper.")) from None


def _recovery_derived(recovery_key: str, salt: bytes) -> bytes:
    return hashlib.blake2b(recovery_key.replace("-", "").encode("ascii"), digest_size=32, key=salt, person=PERSON).digest()


def open_sealed(boxes: Mapping[str, Any], typed: str) -> bytes:
    """The key out of the boxes ``passphrase`` and ``recovery``, whichever ``typed`` opens.

    Raises StoreProblem: ``passphrase_wrong``, ``recovery_wrong``, ``recovery_typo`` (names the group), ``recovery_none``, ``key_damaged``.
    """
    if (recovery_key := codes.read_recovery_key(typed)) is not None:
        if boxes.get("recovery") is None:
            raise StoreProblem("recovery_none", _("No recovery key was made for this, so only its password opens it."))
        return unseal_with_recovery(boxes["recovery"], recovery_key)
    try:
        if boxes.get("passphrase") is None:
            raise StoreProblem("passphrase_wrong", _("There is no password for this. Type the recovery key: eight groups of five letters."))
        return unseal(boxes["passphrase"], typed)
    except StoreProblem as problem:
        if problem.code == "passphrase_wrong" and codes.like_recovery_key(typed):
            raise recovery_typo(typed) from None
        raise


def recovery_typo(typed: str) -> StoreProblem:
    """Which group of a recovery key is mistyped, in words; or that it has too few or too many."""
    groups = codes.recovery_groups(typed)
    if groups != codes.RECOVERY_GROUPS:
        return StoreProblem("recovery_typo", ngettext(
            "A recovery key has eight groups of five letters or digits, and this is {n}. Compare it with the paper.",
            "A recovery key has eight groups of five letters or digits, and these are {n}. Compare it with the paper.", groups), n=groups)
    return StoreProblem("recovery_typo", _("Group {n} has a typing error. Compare it with the paper: five letters or digits, the last one checks them."),
                        n=codes.wrong_recovery_group(typed))


def database_key(folder: Path, name: str, *, passphrase: str | None = None, patience: Patience | None = None) -> bytes:
    """The 32-byte key of ``NAME.db`` in a folder; made, and kept, the first time.

    A passphrase or a recovery key given, or a passphrase in ``ALUMNI_DESK_PASSPHRASE``, or else a recovery key in
    ``ALUMNI_DESK_RECOVERY``, wins over the keyring. That is asked with ``patience``, while nothing is held that another program waits for.

    Raises StoreProblem: ``passphrase_wanted`` (no keyring works and none was chosen yet), ``passphrase_short``, ``passphrase_needed``,
    ``recovery_needed``, ``keyring_silent``, what ``open_sealed`` raises, ``key_lost``, ``key_damaged``.
    """
    file = folder / f"{name}.key"
    typed = passphrase or os.environ.get(PASSPHRASE) or None
    with alone(folder / f"{name}.lock"):
        if file.exists():
            found: dict[str, Any] | None = _read(file)
        else:
            found = None
            _refuse_anew(folder, name, typed)
    if found is None and (made := _made(folder, name, typed, patience)) is not None:
        return made
    return _kept(found if found is not None else _read(file), typed, patience)


def _refuse_anew(folder: Path, name: str, typed: str | None) -> None:
    if any((folder / f"{name}.{end}").exists() for end in ("db", "outbox")):  # the database may be gone with it
        if name != DESK and (folder / f"{DESK}.key").exists():  # its key is kept within the desk
            raise StoreProblem("kept_by_the_desk", _(
                "The server in {folder} is the one on which this laptop keeps its chapter, and only the desk itself opens it. Nothing is wrong with it. Use "
                "“alumni-desk invite”, “laptops”, “backup” or “move” there, or name another folder with --profile."), folder=folder)
        raise StoreProblem("key_lost", _(
            "The key of the database in {folder} is missing, so it cannot be opened. Restore a backup: the key lies in that, too, and if it opens "
            "what is here, nothing is replaced.") if name == DESK else _(
            "The key of the database in {folder} is missing, so it cannot be opened. Restore a backup."), folder=folder)
    if typed is not None and len(typed) < SHORTEST:
        raise StoreProblem("passphrase_short", _("A password needs ten letters or more: three words you will remember do well. Nothing was made."))


def _made(folder: Path, name: str, typed: str | None, patience: Patience | None) -> bytes | None:
    """A new key, kept; None if another program has made one meanwhile."""
    file = folder / f"{name}.key"
    key = secrets.token_bytes(32)
    content = _keep(key, typed, patience)
    with alone(folder / f"{name}.lock"):
        if not file.exists():
            if name == DESK:
                _note_begun(folder)
            _write(file, content)
            return key
    _forget(content)
    return None


def _note_begun(folder: Path) -> None:
    try:
        (folder / BEGUN).touch(mode=0o600)
    except OSError as error:
        raise disk_problem(error) from None


def keepers(folder: Path, name: str) -> frozenset[str]:
    """Who keeps the key of a database that exists: of ``keyring``, ``passphrase`` and ``recovery`` those that do."""
    return frozenset(_read(folder / f"{name}.key"))


def keeper(folder: Path, name: str) -> Keeper:
    """Who keeps the key of a database that exists, in the first place."""
    return "keyring" if "keyring" in keepers(folder, name) else "passphrase"


def sealed_key(folder: Path, name: str) -> dict[str, Any] | None:
    """The key sealed under the passphrase, as the key file has it; None without one."""
    return _read(folder / f"{name}.key").get("passphrase")


def recovery_box(folder: Path, name: str) -> dict[str, Any] | None:
    """The key sealed under the recovery key, as the key file has it; None without one."""
    return _read(folder / f"{name}.key").get("recovery")


def opens(folder: Path, name: str, key: bytes, typed: str) -> None:
    """Nothing, if a passphrase or recovery key opens this database; raises what ``open_sealed`` raises if not."""
    if not hmac.compare_digest(open_sealed(_read(folder / f"{name}.key"), typed), key):
        raise _damaged()


def keyring_opens(folder: Path, name: str, key: bytes, patience: Patience | None = None) -> None:
    """Nothing, if the keyring gives out the key of this database; raises StoreProblem ``keyring_silent`` if not."""
    content = _read(folder / f"{name}.key")
    given = _from_keyring(content, patience)
    if given.key is not None and hmac.compare_digest(given.key, key):
        return
    if given.key is not None or given.gone:
        if "passphrase" in content:
            raise _gone("keyring_silent", _("Type the password."))
        raise _gone("keyring_silent", _("Type the recovery key, or restore a backup.") if "recovery" in content else _only_backups())
    if "passphrase" in content:
        next_one = _("Unlock it and try again, or type the password.")
    elif "recovery" in content:
        next_one = _("Unlock it (signing in to the computer does) and try again, or type the recovery key.")
    else:
        next_one = _("Unlock it (signing in to the computer does) and try again.")
    raise StoreProblem("keyring_silent", _("This computer’s password store does not give out the key: {why}. {next}"), why=given.why,
                       next=next_one)


def keyring_key(folder: Path, name: str, patience: Patience | None = None) -> bytes | None:
    """The key of a database that exists as the keyring gives it out; None if it does not."""
    return _from_keyring(_read(folder / f"{name}.key"), patience).key


def boxes(folder: Path, name: str) -> dict[str, Any]:
    """What a backup carries of a key: who keeps it here, and the key sealed under the passphrase and the recovery key, as far as they exist.

    Where the keyring keeps it, also under which name, which is random: whoever lost the key file finds the key there again.
    """
    found = _read(folder / f"{name}.key")
    named = {"keyring": found["keyring"]} if "keyring" in found else {}
    return {"kept": keeper(folder, name), "key": found.get("passphrase"), "recovery": found.get("recovery"), **named}


def of_backup(header: Mapping[str, Any], fits: Callable[[bytes], bool], patience: Patience | None = None, *, search: bool) -> Given:
    """The key of a backup as this computer's keyring gives it out: under the name that its head has; or, if ``search``, whichever of this program's fits.

    The heads of older programs have no name, and the key may have been put there anew under another.
    """
    given = Given(gone=True)
    if isinstance(header.get("keyring"), dict):
        given = _from_keyring(header, patience)
        if given.key is not None and not fits(given.key):
            given = Given(gone=True)
    return _searched(fits, patience) if given.gone and search else given


def _searched(fits: Callable[[bytes], bool], patience: Patience | None) -> Given:
    try:
        found, why = _ask(_all_of, patience)
    except NoAnswer as late:
        return Given(why=_why_late(late), slow=True)
    return next((one for one in map(_given, found or []) if one.key is not None and fits(one.key)), Given(why=why, gone=not why))


def _all_of(ring: KeyringBackend) -> list[str]:
    """What this program has in a keyring, as far as that tells; some tell of one alone."""
    collection_of = getattr(ring, "get_preferred_collection", None)
    if collection_of is None:
        one = ring.get_credential(SERVICE, None)
        return [one.password] if one is not None else []
    collection = collection_of()
    with contextlib.closing(collection.connection):
        return [item.get_secret().decode() for item in collection.search_items({"service": SERVICE}) if not item.is_locked()]


def derived(key: bytes, purpose: bytes) -> bytes:
    """Another 32-byte key for a file beside the database; ``purpose`` (at most 16 bytes) keeps them apart."""
    return hashlib.blake2b(key=key, digest_size=32, person=purpose).digest()


def keep_anew(folder: Path, name: str, key: bytes, passphrase: str | None, left: Callable[[], object] | None = None) -> Keeper:
    """Keep a database's key under another passphrase alone, or, without one, in the keyring alone. A recovery key stays good.

    ``left``: called where the keyring did not let go of a key that it had before.
    """
    file = folder / f"{name}.key"
    with alone(folder / f"{name}.lock"):
        before = _read(file) if file.exists() else {}
        content = _keep(key, passphrase)
        if "recovery" in before:
            content["recovery"] = before["recovery"]
        _write(file, {**before, **content})  # until the keyring has let go of it the file says where it is: whoever is killed then leaves nothing unknown
        if not _forget(before) and left is not None:
            left()
        _write(file, content)
    return "keyring" if "keyring" in content else "passphrase"


def put_right(folder: Path, name: str, key: bytes, header: Mapping[str, Any], patience: Patience | None = None) -> None:
    """Make a key file anew that was lost or leads nowhere, of what a backup says of the same key; the old one stays beside it.

    What opens the backup opens the database from then on; this computer's keyring, too, if that kept the key and takes it.
    """
    content = {one: header[entry] for one, entry in (("passphrase", "key"), ("recovery", "recovery")) if isinstance(header.get(entry), dict)}
    if header.get("kept") == "keyring" or not content:
        try:
            content |= _still_in_keyring(header, key, patience) or _in_keyring(key, patience)
        except StoreProblem:
            if not content:
                raise
    with alone(folder / f"{name}.lock"):
        set_aside(folder, name)
        _write(folder / f"{name}.key", content)


def _still_in_keyring(header: Mapping[str, Any], key: bytes, patience: Patience | None) -> dict[str, Any]:
    given = of_backup(header, lambda found: hmac.compare_digest(found, key), patience, search=False)
    return {"keyring": header["keyring"]} if given.key is not None else {}


def content(folder: Path, name: str) -> dict[str, Any] | None:
    """All that the key file says; None if it is not there, or says nothing that anybody could read."""
    file = folder / f"{name}.key"
    try:
        return _read(file) if file.exists() else None
    except StoreProblem:
        return None


def put_back(folder: Path, name: str, said: Mapping[str, Any], *, unless: Path) -> bool:
    """Write a key file that is gone as it was, where its database still is. Whether it was. ``unless``: with this file the key is to be gone."""
    file = folder / f"{name}.key"
    with alone(folder / f"{name}.lock"):
        if file.exists() or unless.exists() or not (folder / f"{name}.db").exists():
            return False
        _write(file, dict(said))
    return True


def set_aside(folder: Path, name: str) -> None:
    """Let a key file that leads nowhere lie beside the one that follows."""
    file = folder / f"{name}.key"
    if file.exists():
        file.replace(folder / f"{name}-damaged-{datetime.now(UTC):%Y%m%d-%H%M%S}.key")


def destroy(folder: Path, name: str) -> None:
    """Destroy a database's key: out of the keyring, and the file with every box that holds it. What it locked can never be read again."""
    file = folder / f"{name}.key"
    with alone(folder / f"{name}.lock"):
        if not file.exists():
            return
        with contextlib.suppress(StoreProblem):  # if the file is damaged, nobody can tell what the keyring calls it
            _forget(_read(file))
        with open(file, "r+b") as stream:  # boxes are overwritten before the file goes
            size = file.stat().st_size
            stream.write(b"\0" * size)
            stream.flush()
            os.fsync(stream.fileno())
        file.unlink()


def keep_under(folder: Path, name: str, key: bytes, passphrase: str) -> None:
    """Keep a database's key under this passphrase, in place of an older one; what else keeps it goes on keeping it."""
    _add(folder, name, {"passphrase": seal(key, passphrase).as_json()})


def follow(folder: Path, name: str, present: str | None, keep: Callable[[Path, str, bytes], object]) -> bool | None:
    """Keep the key of another database of the folder anew, if the present password or the keyring opens it.

    None: there is no such database here. False: it has a password of its own, and stays under that.
    """
    if not (folder / f"{name}.key").exists():
        return None
    try:
        key = database_key(folder, name, passphrase=present)
    except StoreProblem:
        return False
    keep(folder, name, key)
    return True


def keep_for_recovery(folder: Path, name: str, key: bytes, recovery_key: str) -> None:
    """Keep a database's key under this recovery key, in place of an older one."""
    _add(folder, name, {"recovery": seal_for_recovery(key, recovery_key)})


def keep_in_keyring(folder: Path, name: str, key: bytes, *, on: bool, left: Callable[[], object] | None = None) -> None:
    """Let the keyring keep the key as well, or no longer. ``left`` as in ``keep_anew``. Raises Refused if nobody else keeps it, StoreProblem if the keyring
    takes none."""
    file = folder / f"{name}.key"
    with alone(folder / f"{name}.lock"):
        before = _read(file)
        if on:
            _write(file, {**before, **_in_keyring(key)})
        elif "passphrase" not in before:
            raise Refused("only_keyring", _("Choose a password first: without it and the password store nothing would open the members."))
        if not _forget(before) and left is not None:
            left()
        if not on:
            _write(file, {one: entry for one, entry in before.items() if one != "keyring"})


def left_words() -> str:
    """That the keyring did not let go of a key."""
    return _("This computer’s password store did not let go of the key, though: whoever is signed in to this computer may still open backups by it. "
             "Delete “{name}” in the password store yourself.").format(name=SERVICE)


def _add(folder: Path, name: str, entry: dict[str, Any]) -> None:
    file = folder / f"{name}.key"
    with alone(folder / f"{name}.lock"):
        _write(file, {**_read(file), **entry})


def has_keyring() -> bool:
    """Whether this computer has a keyring that could keep a key."""
    return _keyring() is not None


def _kept(content: dict[str, Any], typed: str | None, patience: Patience | None) -> bytes:
    """With what was typed, else with the recovery key that a command was given, else as the keyring gives it."""
    wrong: StoreProblem | None = None
    try:
        if typed is not None and ("passphrase" in content or codes.like_recovery_key(typed)):
            return open_sealed(content, typed)
    except StoreProblem as problem:
        wrong = problem
    spare = os.environ.get(RECOVERY)
    if spare:
        try:
            if codes.read_recovery_key(spare) is None:
                raise recovery_typo(spare)
            return open_sealed(content, spare)
        except StoreProblem as problem:
            if wrong is not None:
                raise
            wrong = problem  # said if the keyring does not open it either
            with suppress(StoreProblem):
                return _opened(content, patience)
    if wrong is not None:
        raise wrong
    return _opened(content, patience)


def _opened(content: dict[str, Any], patience: Patience | None) -> bytes:
    if "keyring" not in content:
        raise StoreProblem("passphrase_needed", _(
            "This chapter is locked with a password. Type it, or set ALUMNI_DESK_PASSPHRASE before a command."))
    given = _from_keyring(content, patience)
    if given.key is not None:
        return given.key
    if given.gone:
        raise _out_of_keyring(content)
    why = given.why
    if "passphrase" in content:
        raise StoreProblem("passphrase_needed", _(
            "This computer’s password store does not give out the key of the chapter: {why}. Type the chapter’s password, or set "
            "ALUMNI_DESK_PASSPHRASE before a command."), why=why, slow=given.slow)
    if "recovery" in content:
        raise StoreProblem("recovery_needed", _(
            "This computer’s password store does not give out the key of the chapter: {why}. Unlock it (signing in to the computer does) "
            "and try again, or type the recovery key; before a command, set ALUMNI_DESK_RECOVERY to it."), why=why, slow=given.slow)
    raise StoreProblem("keyring_silent", _(
        "This computer’s password store does not give out the key of the chapter: {why}. Unlock it (signing in to the computer does) and "
        "try again, or restore a backup."), why=why, slow=given.slow)


def _out_of_keyring(content: Mapping[str, Any]) -> StoreProblem:
    """The keyring answers, and has lost the key: unlocking it would not help. What else keeps it says what to ask for."""
    if "passphrase" in content:
        return _gone("passphrase_needed", _("Type the chapter’s password, or set ALUMNI_DESK_PASSPHRASE before a command."))
    if "recovery" in content:
        return _gone("recovery_needed", _("Type the recovery key, or restore a backup that has a password: the key lies in that, too."))
    return _gone("keyring_silent", _only_backups())


def _gone(code: str, next_one: str) -> StoreProblem:
    return StoreProblem(code, _("This computer’s password store does not have the key of the chapter any more. {next}"), next=next_one, gone=True)


def _only_backups() -> str:
    return _("Restore a backup that has a password or a recovery key: the key lies in that, too, and if it opens what is here, nothing is replaced.")


def _keep(key: bytes, typed: str | None, patience: Patience | None = None) -> dict[str, Any]:
    return {"passphrase": seal(key, typed).as_json()} if typed is not None else _in_keyring(key, patience)


def _in_keyring(key: bytes, patience: Patience | None = None) -> dict[str, Any]:
    import uuid

    name = str(uuid.uuid4())
    why = _give(name, base64.b64encode(key).decode(), patience)
    if why == "":
        return {"keyring": {"id": name}}
    if why is not None:
        raise StoreProblem("passphrase_wanted", _(
            "This computer’s password store takes no key: {why}. Unlock it (signing in to the computer does) and try again; or lock the chapter with a "
            "password of your own, in the window or with ALUMNI_DESK_PASSPHRASE before a command."), why=why)
    raise StoreProblem("passphrase_wanted", _(
        "This computer has no password store that works, so a password of your own has to lock the chapter. Choose one in the window, "
        "or set ALUMNI_DESK_PASSPHRASE before a command."))


class Given(NamedTuple):
    """What the keyring gives out: the key, or ``why`` not, as the middle of a sentence; or it answers, and the key is ``gone`` from it.

    ``slow``: it may yet answer.
    """

    key: bytes | None = None
    why: str = ""
    gone: bool = False
    slow: bool = False


def _from_keyring(content: Mapping[str, Any], patience: Patience | None = None) -> Given:
    entry = content.get("keyring")
    if not isinstance(entry, dict):
        return Given(why=_("none answers"))
    name = str(entry.get("id"))
    try:
        found, why = _ask(lambda ring: ring.get_password(SERVICE, name), patience)
    except NoAnswer as late:
        return Given(why=_why_late(late), slow=True)
    return Given(why=why, gone=not why) if found is None else _given(found)


def _given(found: str) -> Given:
    try:
        key = base64.b64decode(found, validate=True)
    except ValueError:
        key = b""
    return Given(key) if len(key) == 32 else Given(gone=True)


def get_ready(folder: Path, name: str) -> None:
    """Import what speaks with the keyring, if that keeps the key; a window does so before Qt, whose import hook would slow it down."""
    with suppress(OSError):  # opening says in words what is wrong with the file
        if b'"keyring"' in (folder / f"{name}.key").read_bytes():
            _import_keyrings()


def _import_keyrings() -> list[str]:
    modules = [f"keyring.backends.{name}" for name in _TRUSTED]
    for module in modules:
        import_module(module)
    return modules


def _keyring() -> KeyringBackend | None:
    """The system's own keyring, if one answers."""
    from keyring.backend import KeyringBackend
    from keyring.errors import KeyringError

    # Not keyring's own search: it looks through every installed package for further ones, which a start of the window would wait for.
    try:
        modules = _import_keyrings()
        backends = [kind() for kind in KeyringBackend.get_viable_backends() if kind.__module__ in modules]
        ring = max(backends, key=lambda one: float(one.priority), default=None)  # one may end as it is asked
    except (KeyringError, OSError, RuntimeError) as error:
        log.warning("no keyring: %s", type(error).__name__)
        return None
    if ring is not None and hasattr(ring, "get_preferred_collection"):
        ring.get_preferred_collection = partial(_collection_of, ring)
    return ring


def _collection_of(ring: KeyringBackend) -> Any:
    """The place where a Secret Service keeps things, as keyring's own call finds it; that one leaves its line open where there is none, or it stays locked."""
    from keyring.errors import InitError, KeyringLocked

    secretstorage = import_module("secretstorage")
    line = secretstorage.dbus_init()
    try:
        try:
            wanted = getattr(ring, "preferred_collection", None)
            found = secretstorage.get_default_collection(line) if wanted is None else secretstorage.Collection(line, wanted)
        except secretstorage.SecretStorageException as error:
            raise InitError(f"no collection: {type(error).__name__}") from error
        if found.is_locked():
            found.unlock()
            if found.is_locked():
                raise KeyringLocked("the question was dismissed")
        return found
    except BaseException:
        line.close()
        raise


def _ask(what: Callable[[KeyringBackend], T | None], patience: Patience | None) -> tuple[T | None, str]:
    """What the keyring says to a question; None and why it does not, or None and nothing if it has nothing. Raises NoAnswer."""
    from keyring.errors import KeyringError

    def get() -> tuple[T | None, str]:
        ring = _keyring()
        if ring is None:
            return None, _("none answers")
        return what(ring) if _keeps_something(ring) else None, ""

    try:
        return (patience or Patience()).ask(get)
    except (KeyringError, OSError, RuntimeError) as error:
        log.warning("the keyring does not answer: %s", type(error).__name__)
        return None, _why_silent(error)


def _keeps_something(ring: KeyringBackend) -> bool:
    """Whether there is a place in it where something could be. A Secret Service without one would make it as soon as it is read from, and ask somebody who
    wants to open the chapter to choose a password for that."""
    if not hasattr(ring, "get_preferred_collection") or hasattr(ring, "preferred_collection"):
        return True
    secretstorage = import_module("secretstorage")
    try:
        with contextlib.closing(secretstorage.dbus_init()) as connection:
            secretstorage.get_collection_by_alias(connection, "default")
    except secretstorage.ItemNotFoundException:
        return False
    except (secretstorage.SecretStorageException, OSError):  # whoever reads says what is wrong
        return True
    return True


def _give(name: str, secret: str, patience: Patience | None) -> str | None:
    """Have the keyring keep this. Nothing if it does; why it does not yet, as the middle of a sentence; None where none works."""
    from keyring.errors import KeyringError, KeyringLocked

    def put() -> bool:
        ring = _keyring()
        if ring is None:
            return False
        ring.set_password(SERVICE, name, secret)
        return ring.get_password(SERVICE, name) == secret  # some take it and keep nothing

    try:
        return "" if (patience or Patience()).ask(put, late=lambda kept: _take_out(name) if kept else None) else None
    except NoAnswer as late:
        return _why_late(late)
    except (KeyringError, OSError, RuntimeError) as error:
        log.warning("the keyring takes no key: %s", type(error).__name__)
        return _("it is locked") if isinstance(error, KeyringLocked) else None


def _why_late(late: NoAnswer) -> str:
    """That it was waited for in vain, as the middle of a sentence."""
    if late.asks:
        return _("it asks for its password in a window of its own, and nobody has answered")
    return _("it does not answer; signing out of the computer and in again may help")


def _why_silent(error: Exception) -> str:
    from keyring.errors import InitError, KeyringLocked

    if isinstance(error, KeyringLocked):
        return _("it is locked")
    return _("it was never set up") if isinstance(error, InitError) else _("it does not answer")


def _forget(before: dict[str, Any]) -> bool:
    """Have the keyring forget a key. Whether it did, or had none."""
    from keyring.errors import KeyringError, PasswordDeleteError

    entry = before.get("keyring")
    if isinstance(entry, dict):
        try:
            return Patience().ask(lambda: _take_out(str(entry.get("id"))))
        except PasswordDeleteError:  # it is gone from there already
            return True
        except (NoAnswer, KeyringError, OSError, RuntimeError) as error:
            log.warning("the keyring keeps an old key: %s", type(error).__name__)
            return False
    return True


def _take_out(name: str) -> bool:
    ring = _keyring()
    if ring is not None and _keeps_something(ring):
        ring.delete_password(SERVICE, name)
    return ring is not None


def _read(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        raise _damaged() from None
    if not isinstance(content, dict):
        raise _damaged()
    found = {one: entry for one, entry in _of_first_form(content).items() if isinstance(entry, dict) and one in _KEEPERS}
    if not found:
        raise _damaged()
    return found


def _of_first_form(content: dict[str, Any]) -> dict[str, Any]:
    """A key file of before there were several keepers, as it would be now."""
    kept = content.get("kept")
    if kept in ("keyring", "passphrase"):
        return {kept: {name: value for name, value in content.items() if name != "kept"}}
    return content


def _write(file: Path, content: dict[str, Any]) -> None:
    part = file.with_suffix(".key.part")
    try:
        handle = os.open(part, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            json.dump(content, stream)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(part, file)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise disk_problem(error) from None
    if os.name == "posix":
        folder = os.open(file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _damaged() -> StoreProblem:
    return StoreProblem("key_damaged", _(
        "The file that leads to the chapter’s key cannot be read, so the chapter cannot be opened. Restore a backup: the key lies in that, too."))
