"""Lists in and out without a window: import, export."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from alumni_desk.cli.output import add_json, opened, show
from alumni_desk.words import _, ngettext

_KINDS = ("raisers-edge", "salesforce", "google-contacts", "eventbrite", "plain")


def add_commands(commands: Any) -> None:
    """Declare the import and export commands."""
    take = commands.add_parser(
        "import", help=_("import a list of members"),
        description=_("Import a CSV list of members. JSON: recognised, rows, added, updated, unchanged, rejected; "
                      "the last four sum to rows."))
    take.add_argument("file", metavar="FILE", help=_("the list, as CSV or other delimited text"))
    take.add_argument("--dry-run", action="store_true", help=_("say what would happen and change nothing"))
    take.add_argument("--as", dest="as_", choices=_KINDS,
                      help=_("the system that the list comes from, if not recognised"))
    take.add_argument("--dates", choices=("day-first", "month-first"),
                      help=_("how to read dates like 03/04/1976 where the list does not tell"))
    take.add_argument("--rejects", metavar="OUT.csv", help=_("write the rows that were not imported, with the reason"))
    add_json(take)
    take.set_defaults(run=run_import_file)

    give = commands.add_parser(
        "export", help=_("write all shared rows"),
        description=_("Write all shared rows, one JSON object a line, sorted by table and id. At a door without the "
                      "e-mail and phone of walk-ins, which are for the chapter. JSON: rows, file."))
    give.add_argument("-o", "--out", metavar="OUT.ndjson", required=True, help=_("the file to write"))
    add_json(give)
    give.set_defaults(run=run_export)


def run_import_file(args: argparse.Namespace) -> int:
    """Import a file, or only try it."""
    from alumni_desk.exchange.cleaning import DateOrder
    from alumni_desk.exchange.importing import dry_run, examined, run_import
    from alumni_desk.store.backup import before

    orders: dict[str, DateOrder] = {"day-first": "dmy", "month-first": "mdy"}
    order = orders[args.dates] if args.dates else None
    rejects = Path(args.rejects) if args.rejects else None
    run = dry_run if args.dry_run else run_import
    with opened(args) as desk:
        found = examined(Path(args.file), args.as_)[1]  # first: for a file that is no list there is no backup, which would take the place of an older one
        if not args.dry_run:
            before(desk, "before_import", Path(args.file).name)
        result = run(desk, Path(args.file), recognised=found, order=order, rejects=rejects, cancelled=args.interrupted)
    data = {"recognised": result.recognised.kind, "rows": result.rows, "added": result.added, "updated": result.updated,
            "unchanged": result.unchanged, "rejected": result.rejected}
    show(args, data, told(result, rejects, tried=args.dry_run))
    return 0


def told(result: Any, rejects: Path | None, *, tried: bool = False) -> str:
    """What an import did, in lines: the counts, then what was not read, left out or rejected."""
    from alumni_desk.exchange.importing import questions

    count = ngettext(
        "{label}: {rows} row: {added} added, {updated} updated, {unchanged} unchanged, {rejected} rejected.",
        "{label}: {rows} rows: {added} added, {updated} updated, {unchanged} unchanged, {rejected} rejected.",
        result.rows)
    lines = [count.format(label=result.recognised.label, rows=f"{result.rows:,}", added=f"{result.added:,}",
                          updated=f"{result.updated:,}", unchanged=f"{result.unchanged:,}",
                          rejected=f"{result.rejected:,}")]
    if tried:
        lines.append(_("This was a trial: nothing was changed."))
    if result.unmapped:
        lines.append(_("Not read: {columns}.").format(columns=", ".join(result.unmapped)))
    for heading in questions(result.recognised):
        lines.append(_("The dates in “{column}” can be read two ways; those were left out. Say --dates day-first or "
                       "--dates month-first.").format(column=heading))
    asked = set(questions(result.recognised))
    for heading, cells in result.left_out.items():
        if heading not in asked:
            lines.append(ngettext("{count} value in “{column}” could not be used and was left out.",
                                  "{count} values in “{column}” could not be used and were left out.",
                                  cells).format(count=cells, column=heading))
    for reject in result.rejects[:5]:
        lines.append(_("Row {row}: {reason}.").format(row=reject.row, reason=reject.reason))
    if result.rejected and rejects is not None:
        lines.append(_("The rejected rows are in {file}.").format(file=rejects))
    return "\n".join(lines)


def run_export(args: argparse.Namespace) -> int:
    """Write the export."""
    from alumni_desk.exchange.exporting import export_ndjson
    from alumni_desk.store import exports

    with opened(args) as desk:
        report = export_ndjson(desk, Path(args.out))
        unnoted = exports.note(desk, report.path)
    words = ngettext("{count} row written to {file}.", "{count} rows written to {file}.", report.rows).format(count=f"{report.rows:,}", file=report.path)
    show(args, {"rows": report.rows, "file": str(report.path)}, f"{words}\n{unnoted}" if unnoted else words)
    return 0
