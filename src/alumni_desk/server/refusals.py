"""How the server says no: an HTTP status and a stable code, never a sentence and never data."""

from __future__ import annotations


class Refusal(Exception):
    """A request that is not carried out."""

    def __init__(self, status: int, code: str, retry_after: int | None = None, at: int | None = None) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.retry_after = retry_after
        self.at = at
