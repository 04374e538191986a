"""Rules across settings: which values are allowed together."""

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from mlops_assets.compat.dagster import (
    is_valid_cron_schedule,
    is_valid_owner,
    is_valid_strict_tag_value,
    is_valid_tag_key,
)
from mlops_assets.components.model_project.settings.base import Errors, invalid_setting
from mlops_assets.components.model_project.settings.evaluation import (
    BehaviourTestSettings,
    DirectionSettings,
    ExampleSettings,
    InvarianceSettings,
)
from mlops_assets.components.model_project.settings.protected_columns import fairness_errors
from mlops_assets.components.model_project.settings.rules.alerts import alert_errors
from mlops_assets.components.model_project.settings.rules.intervals import interval_errors
from mlops_assets.components.model_project.settings.rules.modelling import modelling_errors
from mlops_assets.components.model_project.settings.rules.monitoring import monitoring_errors
from mlops_assets.components.model_project.settings.rules.retraining import retraining_errors
from mlops_assets.components.model_project.settings.rules.scoring import scoring_errors
from mlops_assets.components.model_project.settings.rules.serving import serving_errors
from mlops_assets.components.model_project.settings.rules.sources import source_errors
from mlops_assets.components.model_project.settings.training import SplitSettings
from mlops_assets.core import names
from mlops_assets.core.errors import ProjectError
from mlops_assets.core.periods import Periods
from mlops_assets.core.times import is_timezone
from mlops_assets.ml.metrics.tasks import Task

if TYPE_CHECKING:
    from mlops_assets.components.model_project.settings.project import ProjectSettings
    from mlops_assets.components.model_project.settings.scoring import ScoringSettings
    from mlops_assets.components.model_project.settings.tables import TableSettings


def validate_settings(settings: "ProjectSettings") -> None:
    """Raise for the first setting that conflicts with others; the error carries its path."""
    rules: tuple[Callable[[ProjectSettings], Errors], ...] = (
        _task_errors,
        modelling_errors,
        interval_errors,
        _table_errors,
        source_errors,
        _event_errors if settings.partitions else _static_errors,
        scoring_errors,
        _schedule_errors,
        retraining_errors,
        monitoring_errors,
        _label_errors,
        _behaviour_errors,
        fairness_errors,
        alert_errors,
        serving_errors,
    )
    for rule in rules:
        for path, problem in rule(settings):
            raise invalid_setting(path, problem)


def _task_errors(settings: "ProjectSettings") -> Errors:
    task = settings.task
    if settings.gates.slice_gap is not None and not settings.evaluation.slices:
        yield "gates.slice_gap", "requires slices: name columns in evaluation.slices"
    if settings.split.method == "stratified" and task == "regression":
        yield "split.method", "is stratified, which requires classes; task is regression"
    if settings.split.column == settings.target.column:
        yield "split.column", f"is {settings.split.column}, which is the target; choose another column"
    if task != "regression" and settings.target.unit_size != 1:
        yield "target.unit_size", f"is for regression only; task is {task}"
    for name in ("minimum", "maximum"):
        if task != "regression" and getattr(settings.target, name) is not None:
            yield f"target.{name}", f"is for regression only; task is {task}"
    if settings.target.keep and not settings.target.expression:
        yield "target.keep", "requires target.expression, whose columns it names"
    least, most = settings.target.minimum, settings.target.maximum
    if least is not None and most is not None and least >= most:
        yield "target.minimum", f"is {least:g}; it must be less than target.maximum, {most:g}"
    if settings.tuning.decision and task != "binary":
        yield "tuning.decision", f"is for binary only; task is {task}"
    repeated = [name for name, count in Counter(settings.tuning.families).items() if count > 1]
    if repeated:
        yield "tuning.families", f"lists {repeated[0]} more than once"


def _table_errors(settings: "ProjectSettings") -> Errors:
    reserved = (names.FEATURES, names.SCORING, *(("entities",) if settings.partitions else ()))
    for table in settings.tables:
        if table in reserved:
            yield f"tables.{table}", f"is a reserved name; rename the table (reserved: {', '.join(reserved)})"
        elif not names.IDENTIFIER.fullmatch(table):
            yield (
                f"tables.{table}",
                "is not a valid table name; use lower-case letters, digits and _, starting with a letter",
            )


def _static_errors(settings: "ProjectSettings") -> Errors:
    if len(settings.tables) != 1:
        yield (
            "tables",
            f"has {len(settings.tables)} entries; declare exactly one table, or `partitions` for an event "
            "project",
        )
    events_only: dict[str, object] = {
        "entity": settings.entity,
        "target.horizon": settings.target.horizon,
        "training.window": settings.training.window is not None,
    }
    for name, table in settings.tables.items():
        given = table.model_fields_set & {"time", "arrival", "history", "valid_from", "valid_to"}
        events_only |= {f"tables.{name}.{setting}": getattr(table, setting) for setting in sorted(given)}
    for path, value in events_only.items():
        if value:
            yield path, "is for event projects only; remove it, or declare `partitions`"
    if settings.schedules.backfill and not (settings.scoring and settings.scoring.partitions):
        yield "schedules.backfill", "requires partitions; declare `partitions` or `scoring.partitions`"
    if settings.freshness.arrival_hours and not (settings.scoring and settings.scoring.partitions):
        yield "freshness.arrival_hours", "requires partitions; declare `partitions` or `scoring.partitions`"
    if settings.scoring is None:
        predicted = {
            "schedules.score": settings.schedules.score,
            "freshness.predictions_hours": settings.freshness.predictions_hours,
        }
        for path in (path for path, value in predicted.items() if value):
            yield path, "requires predictions; declare `scoring`, the rows to predict"


def _event_errors(settings: "ProjectSettings") -> Errors:
    if not settings.entity:
        yield "entity", "is missing: name the columns that identify the entity to predict for"
    if settings.target.expression:
        yield "target.expression", "is for projects without partitions; compute the target in target.sql"
    if settings.target.horizon is None:
        yield "target.horizon", "is missing: set the number of partitions that the target is computed from"
    if not any(table.time for table in settings.tables.values()):
        yield "tables", "has no event table; declare `time` in at least one table"
    for name, table in settings.tables.items():
        if table.arrival and not table.time:
            yield f"tables.{name}.arrival", "requires `time`, the column with the timestamp of the event"
        yield from _history_errors(f"tables.{name}", table)
    if settings.scoring:
        yield "scoring", "is for projects without partitions; event projects predict their features"
    if settings.split != SplitSettings():
        yield "split", "is for projects without partitions; event projects are split by time"
    declared = settings.partitions
    if declared:
        try:
            Periods.of(declared.cadence, declared.start, declared.end)
        except ProjectError as error:
            yield "partitions.start", error.message + (f"; {error.hint}" if error.hint else "")
    window, horizon = settings.training.window, settings.target.horizon or 0
    if window is not None and window <= horizon:
        yield "training.window", f"is {window}; it must be greater than target.horizon, {horizon}"
    if settings.target.column in settings.entity:
        yield "target.column", f"is {settings.target.column}, which is an entity column; choose another"


def _history_errors(path: str, table: "TableSettings") -> Errors:
    given = table.model_fields_set
    for name in sorted(given & {"history", "valid_from", "valid_to"}) if table.time else ():
        yield f"{path}.{name}", "is for tables without `time`; events are read by their arrival"
    if table.valid_to and not table.valid_from:
        yield f"{path}.valid_to", "requires `valid_from`, the column with the first timestamp of the validity"
    if table.valid_from and "history" in given:
        yield f"{path}.history", "conflicts with `valid_from`, which selects the rows; declare one of them"


def _with_sources(settings: "ProjectSettings") -> "list[TableSettings | ScoringSettings]":
    return [*settings.tables.values(), *([settings.scoring] if settings.scoring else [])]


def _schedule_errors(settings: "ProjectSettings") -> Errors:
    declared = settings.schedules
    if declared.ingest and not any(getattr(one.source, "sql", None) for one in _with_sources(settings)):
        yield "schedules.ingest", "requires a table with a query as its source; sensors ingest files"
    crons = {"train": declared.train, "score": declared.score}
    if declared.backfill:
        crons["backfill.cron"] = declared.backfill.cron
    if declared.ingest:
        crons["ingest.cron"] = declared.ingest.cron
    for path, cron in crons.items():
        if cron and not is_valid_cron_schedule(cron):
            yield f"schedules.{path}", f"is {cron!r}, which is not a valid cron expression"
    if not is_timezone(declared.timezone):
        yield "schedules.timezone", f"is {declared.timezone!r}; use a name such as Europe/Berlin or UTC"


def _label_errors(settings: "ProjectSettings") -> Errors:
    for owner in settings.owners:
        if not is_valid_owner(owner):
            yield "owners", f"has {owner!r}; use e-mail addresses or team:name"
    for name, value in settings.tags.items():
        if not (is_valid_tag_key(name) and is_valid_strict_tag_value(value)):
            yield (
                "tags",
                f"has {name!r}: {value!r}; use letters, digits, _, - and . in both, at most 63 of them",
            )


def _behaviour_errors(settings: "ProjectSettings") -> Errors:
    taken: set[str] = set()
    for path, name, test in settings.behaviour.named():
        if name in taken:
            yield f"{path}.name", f"is missing: another test is called {name}"
        taken.add(name)
        yield from _behaviour_test_errors(path, test, settings.task)


def _behaviour_test_errors(path: str, test: BehaviourTestSettings, task: Task) -> Errors:
    if isinstance(test, InvarianceSettings) and test.values and test.by is not None:
        yield f"{path}.by", "conflicts with `values`; declare one of them"
    if isinstance(test, DirectionSettings | ExampleSettings):
        uses_class = isinstance(test, DirectionSettings) or test.label is None
        if task == "multiclass" and uses_class and test.of_class is None:
            yield f"{path}.of_class", "is missing: name the class whose probability is tested"
        if task == "regression" and test.of_class is not None:
            yield f"{path}.of_class", "is for classification only; task is regression"
    if not isinstance(test, ExampleSettings):
        return
    bounded = test.at_least is not None or test.at_most is not None
    if [test.label is not None, test.value is not None, bounded].count(True) != 1:
        yield path, "requires exactly one expectation: `label`, `value`, or `at_least` and `at_most`"
    if task == "regression" and test.label is not None:
        yield f"{path}.label", "is for classification only; task is regression"
    if task != "regression" and test.value is not None:
        yield f"{path}.value", f"is for regression only; task is {task}: use `at_least` and `at_most`"
    if test.within is not None and test.value is None:
        yield f"{path}.within", "requires `value`"
    if test.within is None and test.value is not None:
        yield f"{path}.within", "is missing: set the maximum deviation from `value`"
    if test.at_least is not None and test.at_most is not None and test.at_least > test.at_most:
        yield f"{path}.at_least", f"is {test.at_least:g}; it must not exceed at_most, {test.at_most:g}"
