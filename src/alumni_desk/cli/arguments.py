"""What may stand in an argument: anything else is wrong usage, said in words."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Collection, Sequence
from datetime import date
from typing import Any

from alumni_desk.errors import BadInput
from alumni_desk.words import _, number


class Once(argparse.Action):
    """How an option is stored that may be given once: of two the first would be left out without a word."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option_string: str | None = None) -> None:
        given = vars(namespace).setdefault("_given", set())
        if self.option_strings and self.dest in given:
            raise argparse.ArgumentError(self, _("one at a time, please: nothing was changed"))
        given.add(self.dest)
        setattr(namespace, self.dest, values)


def each_once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Values by field. Raises BadInput for a field that is given twice: the first would be left out without a word."""
    names = [name for name, _value in pairs]
    for name in names:
        if names.count(name) > 1:
            raise BadInput("field_twice", _("“{field}” is given twice, and nothing was changed. Give each field once."), field=name)
    return dict(pairs)


def whole_number(lowest: int, highest: int = 1_000_000_000) -> Callable[[str], int]:
    """Reads a whole number within bounds; without an upper one, what every database takes."""

    def read(text: str) -> int:
        if not text.isascii() or not text.removeprefix("-").isdigit():
            raise argparse.ArgumentTypeError(_("“{text}” is not a whole number").format(text=text))
        value = int(text[:20])  # a longer one is too large anyway
        if not lowest <= value <= highest:
            words = _("{n} is less than {lowest}") if value < lowest else _("{n} is more than {highest}")
            raise argparse.ArgumentTypeError(words.format(n=value, lowest=lowest, highest=number(highest)))
        return value

    return read


def an_address(text: str) -> str:
    """Reads an address or name of this computer to listen on; an empty one (a variable that is not set) would be every address."""
    try:
        if text.strip() and text.encode("idna"):
            return text
    except UnicodeError:
        pass
    raise argparse.ArgumentTypeError(_("“{text}” is not an address such as 127.0.0.1").format(text=text))


def a_day(text: str) -> date:
    """Reads a day such as 2026-11-10."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(_("“{text}” is not a day such as 2026-11-10").format(text=text)) from None


def field_value(fields: Collection[str]) -> Callable[[str], tuple[str, str]]:
    """Reads FIELD=VALUE, for these fields."""

    def read(text: str) -> tuple[str, str]:
        name, sign, value = text.partition("=")
        field = name.strip().replace("-", "_")
        if not sign or not field:
            raise argparse.ArgumentTypeError(_("“{text}” is not FIELD=VALUE, such as city=Boston").format(text=text))
        if field not in fields:
            raise argparse.ArgumentTypeError(_("There is no field “{field}”. There are: {fields}").format(field=field, fields=", ".join(fields)))
        return field, value

    return read


def a_name(text: str) -> str:
    """Reads a name, where fields come after it."""
    field, sign, _value = text.partition("=")
    if sign and field.strip().replace("-", "_").isidentifier():
        raise argparse.ArgumentTypeError(_("“{text}” is a field, and the name comes first: say it as one, such as \"Ana Lima\"").format(text=text))
    return text


def one_of(allowed: Collection[str]) -> Callable[[str], str]:
    """Reads one of some words, in small letters or capitals."""

    def read(text: str) -> str:
        word = text.strip().lower()
        if word not in allowed:
            raise argparse.ArgumentTypeError(_("“{text}” is not one of {allowed}").format(text=text, allowed=", ".join(allowed)))
        return word

    return read
