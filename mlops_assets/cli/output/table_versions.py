"""The output of `mlops data`: the versions of a table, and the differences of two."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Table

from mlops_assets.cli.output.console import out, print_line, print_table

if TYPE_CHECKING:
    from mlops_assets.ml.comparison.drift import ColumnShift
    from mlops_assets.ml.comparison.row_diff import RowDiff
    from mlops_assets.stores.delta.commit_metadata import TableVersion
    from mlops_assets.stores.warehouse.table_diff import TableDiff

_LARGE_SHIFT, _MODERATE_SHIFT = 0.25, 0.1
_DIGEST_LENGTH = 8


def print_versions(versions: Sequence["TableVersion"]) -> None:
    """Print the versions of a table, the current one in bold."""
    partitioned = any(version.partition for version in versions)
    table = Table(box=None, pad_edge=False)
    table.add_column("version", justify="right")
    table.add_column("written (UTC)", no_wrap=True)
    if partitioned:
        table.add_column("partition", no_wrap=True)
    table.add_column("rows", justify="right")
    for title in ("digest", "Dagster run"):
        table.add_column(title, no_wrap=True)
    table.add_column("inputs")
    current: set[str | None] = set()
    for version in versions:
        table.add_row(
            str(version.version),
            f"{version.written_at:%Y-%m-%d %H:%M:%S}",
            *([version.partition or ""] if partitioned else []),
            f"{version.rows:,}" if version.rows is not None else "",
            (version.digest or "")[:_DIGEST_LENGTH],
            (version.dagster_run_id or "")[:_DIGEST_LENGTH],
            _inputs(version),
            style="" if version.partition in current else "bold",
        )
        current.add(version.partition)
    print_table(out, table)
    if not versions:
        out.print("[dim]no versions[/]")


def print_table_diff(diff: "TableDiff") -> None:
    """Print the differences of two versions of a table."""
    if diff.rows is None:
        out.print(f"versions {diff.before} and {diff.after} have the same content")
        return
    if diff.partitions:
        print_line(f"changed partitions: {', '.join(diff.partitions)}")
    for line in row_lines(diff.rows):
        print_line(line)
    if diff.shifts:
        out.print()
        print_table(out, _shift_table(diff.shifts))


def row_lines(rows: "RowDiff") -> list[str]:
    """Return one line each for added, removed and changed rows, and for changed, new and removed columns."""
    by = (
        f"identified by {', '.join(rows.identity)}"
        if rows.identity
        else "compared as whole rows: no identity is declared"
    )
    changed = f", {rows.changed:,} changed" if rows.identity else ""
    lines = [
        f"{rows.rows_before:,} rows before, {rows.rows_after:,} after: {rows.added:,} added, "
        f"{rows.removed:,} removed{changed} ({by})"
    ]
    if rows.changed_columns:
        counts = ", ".join(f"{name} ({count:,} rows)" for name, count in rows.changed_columns.items())
        lines.append(f"changed columns: {counts}")
    if rows.new_columns:
        lines.append(f"new columns: {', '.join(rows.new_columns)}")
    if rows.gone_columns:
        lines.append(f"removed columns: {', '.join(rows.gone_columns)}")
    return lines


def _inputs(version: "TableVersion") -> str:
    inputs = ", ".join(f"{name.partition('/')[2]} {number}" for name, number in version.inputs.items())
    if version.restored_from is not None:
        return f"restored from {version.restored_from}" + (f"; {inputs}" if inputs else "")
    return inputs or "files"


def _shift_table(shifts: Sequence["ColumnShift"]) -> Table:
    """Return the shift of each column, the largest first; a large one is coloured and has a mark."""
    table = Table(box=None, pad_edge=False)
    table.add_column("column", no_wrap=True)
    for title in ("PSI", "missing", "mean"):
        table.add_column(title, justify="right")
    table.add_column("values")
    for shift in shifts:
        before, after = shift.null_shares
        style = "red" if shift.psi >= _LARGE_SHIFT else "yellow" if shift.psi >= _MODERATE_SHIFT else ""
        table.add_row(
            shift.column,
            f"{shift.psi:.3f}" + ("!" if shift.psi >= _LARGE_SHIFT else ""),
            f"{before:.1%} → {after:.1%}" if before or after else "",
            _means(shift),
            _values(shift),
            style=style,
        )
    return table


def _means(shift: "ColumnShift") -> str:
    unit = " characters" * (shift.kind == "text")
    return " → ".join(map(_mean, shift.means)) + unit if shift.means else ""


def _mean(value: float | str | None) -> str:
    return "none" if value is None else value if isinstance(value, str) else f"{value:,.6g}"


def _values(shift: "ColumnShift") -> str:
    parts = []
    for count, examples, kind in (
        (shift.new_values, shift.new_examples, "new"),
        (shift.gone_values, shift.gone_examples, "removed"),
    ):
        if count:
            more = ", …" if count > len(examples) else ""
            parts.append(f"{count:,} {kind}" + (f": {', '.join(examples)}{more}" if examples else ""))
    return "; ".join(parts)
