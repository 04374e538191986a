"""Drafts of projects from their data: a static project from rows, an event project from a log."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from glob import has_magic
from pathlib import Path
from typing import Any

from mlops_assets.core.errors import ProjectError
from mlops_assets.core.periods import Cadence
from mlops_assets.ml.metrics.tasks import Task
from mlops_assets.scaffolding.column_profile import ColumnProfile
from mlops_assets.scaffolding.draft import Draft
from mlops_assets.scaffolding.event_draft import EventDraft
from mlops_assets.scaffolding.formats.text_formats import Choose
from mlops_assets.scaffolding.loading.rows import Query
from mlops_assets.scaffolding.questions import (
    Ask,
    ask_event_log,
    ask_event_target,
    ask_ids,
    ask_order,
    ask_target,
    target_candidates,
)
from mlops_assets.scaffolding.source_profile import SourceProfile, profile_source
from mlops_assets.scaffolding.table_draft import TableDraft, require_identifier
from mlops_assets.scaffolding.target_draft import (
    TARGET,
    drafted_expression,
    is_expression,
    profile_expression,
    target_values,
)
from mlops_assets.stores.files.csv_dialect import DEFAULT_DIALECT, Dialect
from mlops_assets.stores.files.listing import list_files

TABLE = "rows"
"""Default name of the table."""
EVENTS = "events"
"""Default name of the table of an event project."""


def draft_from(
    project: str,
    root: Path,
    *,
    data: Path | Query | None,
    target: str | None = None,
    target_name: str | None = None,
    task: Task | None = None,
    table: str | None = None,
    time: str | None = None,
    entity: Sequence[str] = (),
    horizon: int | None = None,
    cadence: Cadence | None = None,
    dialect: Dialect = DEFAULT_DIALECT,
    ids: Sequence[str] | None = None,
    choose: Choose | None = None,
    ask: Ask | None = None,
) -> Draft | EventDraft:
    """Draft an event project if `time` or `entity` is given, otherwise a static project.

    Parameters
    ----------
    root
        The project root; a source below it becomes a relative path.
    data
        File, glob or folder of CSV, Excel, Parquet or JSON, or a query; without it, a template is drafted.
    target
        A column, or an SQL expression: over the columns of a row, or in an event project over the events in
        the horizon.
    target_name
        Name of the result of an expression over the columns of a row.
    time, entity, horizon, cadence
        Of an event project, see `EventDraft.of`.
    dialect
        Known settings of CSV files; the others are detected.
    ids
        The columns that identify a row and are no features; by default they are found.
    choose
        Chooses between formats of dates that differ in the order of day and month.
    ask
        Asks about what neither the rows nor the other arguments decide; by default nothing is asked.

    Raises
    ------
    ProjectError
        When a name is invalid, an option is missing or does not fit, or the target can't be computed.
    DataError
        When the source can't be read, or a log is too short or its time is not a time.
    """
    if time or entity:
        _require_event_options(
            project, data=data, time=time, entity=entity, task=task, target_name=target_name
        )
    if data is None:
        if target or task:
            raise ProjectError(
                f"{project}: --target and --task require rows to draft from",
                hint="name the file with --data, or a query with --query",
            )
        return _template(project, table or TABLE)
    if ask is not None:
        choose = choose or partial(ask_order, ask)
    found = _profiled(project, root, data, table or (EVENTS if time else TABLE), dialect, choose)
    if ids is not None:
        found = found.with_ids(ids)
    if ask is not None and not (time or target) and (log := ask_event_log(ask, found.base)):
        time, entity = log[0], [log[1]]
        target = ask_event_target(ask, found.base, log[1])
        found = replace(found, base=replace(found.base, table=table or EVENTS))
    if time:
        return found.event_draft(
            data, time=time, entity=entity, expression=target or "", horizon=horizon, cadence=cadence
        )
    if ask is not None:
        target = target or ask_target(ask, found.base)
        confirmed = ask_ids(ask, found.base, target) if ids is None else None
        found = found if confirmed is None else found.with_ids(confirmed)
    return found.static_draft(target, target_name, task)


def _require_event_options(
    project: str,
    *,
    data: Path | Query | None,
    time: str | None,
    entity: Sequence[str],
    task: Task | None,
    target_name: str | None,
) -> None:
    options = (("--data or --query", data), ("--time", time), ("--entity", entity))
    if missing := [name for name, value in options if not value]:
        raise ProjectError(
            f"{project}: {', '.join(missing)} is missing",
            hint="an event log requires --data or --query, --time and --entity",
        )
    if task or target_name:
        raise ProjectError(
            f"{project}: --{'task' if task else 'target-name'} can't be set for an event log",
            hint="the target decides: a truth value is binary, a number is a regression"
            if task
            else "rename the column of target.sql and target.column in defs.yaml",
        )


@dataclass(frozen=True)
class _Profiled:
    """A profiled source, and what its drafts share."""

    base: TableDraft
    profile: SourceProfile

    def with_ids(self, ids: Sequence[str]) -> "_Profiled":
        """The same with the columns that identify a row."""
        names = [column.name for column in self.base.columns]
        if unknown := [name for name in ids if name not in names]:
            raise ProjectError(
                f"{self.base.project}: {self.base.origin} has no column {', '.join(unknown)}",
                hint=self.base.choice,
            )
        return replace(self, base=replace(self.base, ids=tuple(ids)))

    def static_draft(self, target: str | None, target_name: str | None, task: Task | None) -> Draft:
        """The draft of a static project."""
        base, names = self.base, [column.name for column in self.base.columns]
        if target is None:
            [likely, *_] = [*target_candidates(base), ""]
            raise ProjectError(
                f"{base.project}: the target column is missing",
                hint=f"set --target to a column of {base.origin}: {', '.join(names)}"
                + (f"; by names and values, {likely} is the most likely one" if likely else ""),
            )
        if is_expression(target, names):
            read = drafted_expression(base, target).columns(names)
            values = profile_expression(base, self.profile.sample, target, target_name or TARGET)
            draft = Draft.of_expression(base, values, sql=target, read=read, task=task)
        elif target_name:
            raise ProjectError(
                f"{base.project}: --target-name is {target_name}, but --target is the column {target}",
                hint="omit --target-name, or write an expression such as tips > 0.2 * fare",
            )
        else:
            draft = Draft.of(base, target=target, task=task)
        return _examined(draft, self.profile)

    def event_draft(self, data: Path | Query, **options: Any) -> EventDraft:
        """The draft of an event project; the options are those of `EventDraft.of`."""
        listed = list_files(_absolute(data)) if isinstance(data, Path) else []
        files = [file.name for file in listed]
        return EventDraft.of(self.base, sample=self.profile.sample, files=files, **options)


def _profiled(
    project: str,
    root: Path,
    data: Path | Query,
    table: str,
    dialect: Dialect,
    choose: Choose | None = None,
) -> _Profiled:
    require_identifier(project, "project")
    require_identifier(table, "table")
    place = _absolute(data) if isinstance(data, Path) else data
    subject = f"{project}: table {table}"
    profile = profile_source(place, root=root, subject=subject, dialect=dialect, choose=choose)
    csv = profile.dialect.non_defaults()
    excel = csv.pop("excel", {})
    base = TableDraft(
        project=project,
        table=table,
        source=_declared(place, root),
        columns=profile.columns,
        csv=csv,
        excel=excel,
        doubts=profile.doubts,
        formats=profile.formats,
        parts=profile.parts,
        hints=profile.hints,
    )
    return _Profiled(base, profile)


def _declared(place: Path | Query, root: Path) -> str | dict[str, str]:
    """The source as in `defs.yaml`; a path below the root is relative."""
    if isinstance(place, Query):
        return {"sql": place.statement, "database": place.database}
    below = place.is_relative_to(root) and not has_magic(str(root))
    return place.relative_to(root).as_posix() if below else str(place)


def _absolute(path: Path) -> Path:
    return Path(os.path.normpath(path.expanduser().absolute()))


def _examined(draft: Draft, profile: SourceProfile) -> Draft:
    """The draft with features that may contain the target, and doubts about the table."""
    from mlops_assets.ml.doubts.table import table_doubts
    from mlops_assets.ml.features.leakage import find_suspects

    values = target_values(draft, profile.sample)
    known = values.notna()
    rows, target = profile.sample[known].reset_index(drop=True), values[known].reset_index(drop=True)
    features = [column.name for column in draft.features]
    suspects = find_suspects(rows[features], target.tolist(), draft.task)
    doubts = table_doubts(
        rows,
        target,
        name=draft.target.name,
        task=draft.task,
        features=features,
        bounds=draft.bounds.values(),
    )
    return replace(draft, suspects=tuple(suspects), table_doubts=tuple(doubts))


def _template(project: str, table: str) -> Draft:
    """A draft with example columns, to be replaced."""
    require_identifier(project, "project")
    require_identifier(table, "table")
    number = ColumnProfile("amount", "DOUBLE", 0, 0, 2, "", "", {})
    text = ColumnProfile("kind", "VARCHAR", 0, 1, 2, "", "", {})
    target = ColumnProfile("outcome", "DOUBLE", 0, 0, 2, "", "", {})
    source = f"data/raw/{project}/*.csv"
    return Draft(
        project=project,
        table=table,
        source=source,
        columns=(number, text, target),
        target=target,
        task="regression",
    )
