"""The figures of a table's rows in a partition, from validated and rejected rows."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from mlops_assets.components.model_project.monitoring.report import ReportRun
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.core import names
from mlops_assets.core.digests import text_digest
from mlops_assets.core.sql_quoting import literal, quoted

if TYPE_CHECKING:
    import duckdb

    from mlops_assets.ml.monitoring.row_figures import Figure

_CODE = "figures 2"
_RULES = 50
CONTENT = "content"
"""Measure whose note is the digest of the rows that the figures are of."""


def content_digest(run: ReportRun, table: str, partition: str | None) -> str | None:
    """The digest of the rows of a table in a partition; None without rows."""
    keys = [run.project.table_key(layer, table) for layer in (names.VALIDATED, names.QUARANTINE)]
    found = [run.content(key).get(partition) for key in keys]
    if any(digest is None for digest in found):
        return None
    hidden = sorted(run.project.sensitive)
    return text_digest(_CODE, repr(hidden), *map(str, found))


def table_figures(run: ReportRun, table: str, partition: str | None) -> "list[Figure]":
    """The figures of the rows of a table: valid rows, rejected rows, and when they arrived."""
    return list(_figures(run, table, partition))


def _figures(run: ReportRun, table: str, partition: str | None) -> "Iterator[Figure]":
    from mlops_assets.ml.monitoring.row_figures import Figure, row_figures

    project = run.project
    kept = run.rows(project.table_key(names.VALIDATED, table), partition)
    rejected = run.rows(project.table_key(names.QUARANTINE, table), partition)
    periods = project.periods_of(table)
    end = periods.end_of(partition) if periods and partition else None
    left_out = (names.ROW_ID, names.PARTITION, *names.PROVENANCE)
    settings = project.read_tables[table]
    figures = list(
        row_figures(
            run.connection,
            kept,
            [name for name in kept.columns if name not in left_out],
            identifying=identifying_columns(project, table),
            sensitive=project.sensitive,
            end=end,
        )
    )
    rows = int(figures[0].value or 0)
    yield from figures
    bad = len(rejected)
    if rows + bad:
        yield Figure("rejected_share", bad / (rows + bad), rows=rows + bad, scale="share")
    for rule, count in _rules(rejected, project) if bad else ():
        yield Figure("rejected_rows", count, note=rule, rows=rows + bad)
    if periods and partition:
        if settings.time and settings.time in kept.columns and rows:
            late = f"{quoted(settings.time)} < {literal(periods.start_of(partition).isoformat())}::timestamp"
            yield Figure("late_share", len(kept.filter(late)) / rows, rows=rows, scale="share")
        yield from _arrival(run, table, partition)


def identifying_columns(project: Project, table: str) -> list[str]:
    """The columns that identify a row or an entity, whose values no figure shows."""
    settings = project.settings
    key = project.read_tables[table].key
    return list(dict.fromkeys([*settings.entity, *(settings.split.group or []), *key]))


def _rules(rejected: "duckdb.DuckDBPyRelation", project: Project) -> list[tuple[str, int]]:
    """The violated rules with their numbers of rows; values of sensitive columns are not shown."""
    from mlops_assets.ml.contracts.shown_rules import shown_rule

    rules = rejected.project(f"unnest({names.BROKEN_RULES}) as rule").aggregate("rule, count(*) as n", "rule")
    counted = rules.order("n desc, rule").limit(_RULES).fetchall()
    return [(shown_rule(rule, project.sensitive), count) for rule, count in counted]


def _arrival(run: ReportRun, table: str, partition: str) -> "Iterator[Figure]":
    """Hours between the end of a period and the first write of its rows.

    Rows that were first written later than a period after the end were loaded from an archive: when they
    arrived is not known.
    """
    from mlops_assets.ml.monitoring.row_figures import Figure

    periods = run.project.periods_of(table)
    first = first_writes(run, table).get(partition)
    if periods is None or first is None:
        return
    end = periods.end_of(partition).replace(tzinfo=UTC)
    if first < periods.end_of(periods.shift(partition, 1)).replace(tzinfo=UTC):
        hour = timedelta(hours=1)
        yield Figure("arrival_hours", (first - end) / hour, scale="number", spread=24.0)


def first_writes(run: ReportRun, table: str) -> dict[str, datetime]:
    """When each partition of a raw table was first written."""
    key = run.project.table_key(names.RAW, table)
    if key not in run.first_writes:
        found: dict[str, datetime] = {}
        for version in run.store.versions(key.path) if run.store.exists(key.path) else ():
            if version.partition is not None:
                at = version.written_at
                found[version.partition] = min(at, found.get(version.partition, at))
        run.first_writes[key] = found
    return run.first_writes[key]
