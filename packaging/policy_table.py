"""Writes tests/server/policy_matrix.txt: what each role reads and writes of every field, as the policy says it now. Read it before it is committed."""

from __future__ import annotations

from pathlib import Path

TABLE = Path(__file__).resolve().parents[1] / "tests" / "server" / "policy_matrix.txt"


def text(before: str) -> str:
    """The table, under the words that stand above it already."""
    from alumni_desk.protocol.policy import ROLES, rule
    from alumni_desk.sync.shapes import shapes

    head = [line for line in before.splitlines() if line.startswith("#")]
    lines = [*head, "", "".join(word.ljust(width) for word, width in zip(("field", *ROLES), (32, 10, 10, 0), strict=True))]
    for name, shape in shapes().items():
        lines.append("")
        for field in shape.fields:
            cells = (rule(role, name, field, door=field in shape.door) for role in ROLES)
            words = (f"{name}.{field}", *(f"{cell.read}/{cell.write}" for cell in cells))
            lines.append("".join(word.ljust(width) for word, width in zip(words, (32, 10, 10, 0), strict=True)))
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    TABLE.write_text(text(TABLE.read_text("utf-8")), "utf-8")
    print(f"{TABLE} is as the policy says: read what has changed in it before you commit it.")
