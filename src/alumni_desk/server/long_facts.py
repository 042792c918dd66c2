"""A fact with a text that no line holds, as older desks let be typed, happened all the same: what is kept of the text is its beginning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from alumni_desk.protocol import forms
from alumni_desk.sync.shapes import Shape

if TYPE_CHECKING:
    from alumni_desk.server.push import Item


def cut(items: Sequence[Item], known: Mapping[str, Shape]) -> bool:
    """Cut such texts before anything is judged. Returns whether there was one; its operation keeps the hash by which it is known."""
    found = False
    for item in items:
        one = item.operation
        if not item.open or one is None or one.kind != "fact" or len(item.body) <= forms.SHORT or one.table not in known:
            continue
        fields = forms.cut(known[one.table].forms, one.fields)
        if fields != one.fields:
            item.operation, found = msgspec.structs.replace(one, fields=fields), True
    return found
