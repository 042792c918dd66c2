"""What the world can do to us. Each error has a stable code and one sentence: what happened, why, what to do next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager


class KnownError(Exception):
    """Something the world did (no disk space, no such file, a wrong code). ``str()`` is the sentence a user reads.

    ``code`` is stable and may be logged; ``facts`` fill the template and may be personal, so they are never logged.
    ``about`` is the name of the field that does not fit, if it is about one.
    """

    about = ""

    def __init__(self, code: str, template: str, /, **facts: object) -> None:
        super().__init__(template.format(**facts) if facts else template)
        self.code = code
        self.facts = facts


class BadInput(KnownError):
    """What was given cannot be used; nothing was changed."""


class NotFound(KnownError):
    """What was asked for is not here."""


class Ambiguous(KnownError):
    """Several things fit; ``candidates`` are rows to choose from."""

    def __init__(self, code: str, template: str, /, *, candidates: Sequence[object] = (), **facts: object) -> None:
        super().__init__(code, template, **facts)
        self.candidates = tuple(candidates)


class Refused(KnownError):
    """It is understood, and may not be done now."""


class StoreProblem(KnownError):
    """The encrypted database, its key or its disk."""


class NetworkProblem(KnownError):
    """The server or the way to it."""


@contextmanager
def about(field: str) -> Iterator[None]:
    """What goes wrong inside is about this field."""
    try:
        yield
    except KnownError as error:
        error.about = error.about or field
        raise
