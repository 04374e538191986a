"""Which settings go together."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING
from zoneinfo import available_timezones

from mlops_assets.compat.dagster import (
    is_valid_cron_schedule,
    is_valid_owner,
    is_valid_strict_tag_value,
    is_valid_tag_key,
)
from mlops_assets.components.model_project.settings.base import invalid_setting
from mlops_assets.components.model_project.settings.evaluation import (
    BehaviourTestSettings,
    DirectionSettings,
    ExampleSettings,
    InvarianceSettings,
)
from mlops_assets.components.model_project.settings.source_consistency import source_faults
from mlops_assets.components.model_project.settings.training import SplitSettings, TrainingSettings
from mlops_assets.core import names
from mlops_assets.core.errors import ProjectError
from mlops_assets.core.periods import Periods
from mlops_assets.ml.metrics.tasks import Task, metrics_of

if TYPE_CHECKING:
    from mlops_assets.components.model_project.settings.project import ProjectSettings

Faults = Iterator[tuple[str, str]]
"""Paths of settings, and what is wrong with each."""


def validate_settings(settings: "ProjectSettings") -> None:
    """Raise for the first setting that does not go with the others; the error tells its path."""
    rules: tuple[Callable[[ProjectSettings], Faults], ...] = (
        _task_faults,
        _table_faults,
        source_faults,
        _event_faults if settings.partitions else _static_faults,
        _schedule_faults,
        _label_faults,
        _behaviour_faults,
    )
    for rule in rules:
        for path, fault in rule(settings):
            raise invalid_setting(path, fault)


def _task_faults(settings: "ProjectSettings") -> Faults:
    metric, task = settings.tuning.metric, settings.task
    if metric and metric not in metrics_of(task):
        yield "tuning.metric", f"is {metric}, and {task} has {', '.join(metrics_of(task))}"
    if settings.gates.slice_gap is not None and not settings.evaluation.slices:
        yield "gates.slice_gap", "needs slices: name columns in evaluation.slices"
    if settings.gates.fairness and not settings.evaluation.sensitive:
        yield "gates.fairness", "needs groups: name columns in evaluation.sensitive"
    for name in settings.gates.minimum:
        if name not in metrics_of(task):
            yield f"gates.minimum.{name}", f"is no metric of {task}, which has {', '.join(metrics_of(task))}"
    if settings.split.method == "stratified" and task == "regression":
        yield "split.method", "is stratified, which needs classes, and task is regression"
    if task != "regression" and settings.target.unit_size != 1:
        yield "target.unit_size", "is for regression; classes have no unit"
    for name in ("minimum", "maximum"):
        if task != "regression" and getattr(settings.target, name) is not None:
            yield f"target.{name}", f"is for regression, and task is {task}"
    least, most = settings.target.minimum, settings.target.maximum
    if least is not None and most is not None and least >= most:
        yield "target.minimum", f"is {least:g}, and must be less than target.maximum, {most:g}"
    if settings.tuning.decision and task != "binary":
        yield "tuning.decision", f"is for two classes, and task is {task}"
    repeated = [name for name, count in Counter(settings.tuning.families).items() if count > 1]
    if repeated:
        yield "tuning.families", f"names {repeated[0]} more than once"


def _table_faults(settings: "ProjectSettings") -> Faults:
    taken = (names.FEATURES, "entities") if settings.partitions else (names.FEATURES,)
    for table in settings.tables:
        if not names.IDENTIFIER.match(table) or table in taken:
            yield (
                f"tables.{table}",
                "is no name for a table: it is made of lower-case letters, digits and _, starts with a "
                f"letter, and is not {' or '.join(taken)}",
            )


def _static_faults(settings: "ProjectSettings") -> Faults:
    if len(settings.tables) != 1:
        yield (
            "tables",
            f"has {len(settings.tables)} entries; a project has one table, unless `partitions` makes it an "
            "event project",
        )
    needless: dict[str, object] = {
        "entity": settings.entity,
        "target.horizon": settings.target.horizon,
        "schedules.score": settings.schedules.score,
        "schedules.backfill": settings.schedules.backfill,
        "freshness.predictions_hours": settings.freshness.predictions_hours,
        "training": settings.training != TrainingSettings(),
    }
    for name, table in settings.tables.items():
        needless |= {f"tables.{name}.time": table.time, f"tables.{name}.arrival": table.arrival}
    for path, value in needless.items():
        if value:
            yield path, "is for event projects, which declare `partitions`"


def _event_faults(settings: "ProjectSettings") -> Faults:
    if not settings.entity:
        yield "entity", "is missing: an event project names the columns that tell what is predicted for"
    if settings.target.horizon is None:
        yield "target.horizon", "is missing: how many partitions after its own does the target look at?"
    if not any(table.time for table in settings.tables.values()):
        yield "tables", "has no table with `time`, and so no events"
    for name, table in settings.tables.items():
        if table.arrival and not table.time:
            yield f"tables.{name}.arrival", "needs `time`, the column of the event's own time"
    if settings.split != SplitSettings():
        yield "split", "is for projects without partitions; here the newest labelled partition judges"
    declared = settings.partitions
    if declared:
        try:
            Periods.of(declared.cadence, declared.start, declared.end)
        except ProjectError as error:
            yield "partitions.start", error.message + (f"; {error.hint}" if error.hint else "")
    window, horizon = settings.training.window, settings.target.horizon or 0
    if window is not None and window <= horizon:
        yield "training.window", f"is {window}, and must be more than target.horizon, {horizon}, to search on"
    if settings.target.column in settings.entity:
        yield "target.column", f"is {settings.target.column}, which is what is predicted for"


def _schedule_faults(settings: "ProjectSettings") -> Faults:
    declared = settings.schedules
    if declared.ingest and not any(getattr(table.source, "sql", None) for table in settings.tables.values()):
        yield "schedules.ingest", "reads queries, and no table's source is one; sensors see to files"
    crons = {"train": declared.train, "score": declared.score}
    if declared.backfill:
        crons["backfill.cron"] = declared.backfill.cron
    if declared.ingest:
        crons["ingest.cron"] = declared.ingest.cron
    for path, cron in crons.items():
        if cron and not is_valid_cron_schedule(cron):
            yield f"schedules.{path}", f"is {cron!r}, which cron does not know"
    if declared.timezone not in available_timezones():
        yield "schedules.timezone", f"is {declared.timezone!r}, and must be such as Europe/Berlin or UTC"


def _label_faults(settings: "ProjectSettings") -> Faults:
    for owner in settings.owners:
        if not is_valid_owner(owner):
            yield "owners", f"has {owner!r}, and must have e-mail addresses or team:name"
    for name, value in settings.tags.items():
        if not (is_valid_tag_key(name) and is_valid_strict_tag_value(value)):
            yield (
                "tags",
                f"has {name!r}: {value!r}; both are made of letters, digits, _, - and ., at most 63 of them",
            )


def _behaviour_faults(settings: "ProjectSettings") -> Faults:
    taken: set[str] = set()
    for path, name, test in settings.behaviour.named():
        if name in taken:
            yield f"{path}.name", f"is needed: another test is called {name}"
        taken.add(name)
        yield from _task_of_test_faults(path, test, settings.task)


def _task_of_test_faults(path: str, test: BehaviourTestSettings, task: Task) -> Faults:
    if isinstance(test, InvarianceSettings) and test.values and test.by is not None:
        yield f"{path}.by", "goes without `values`: the column is either set or moved"
    if isinstance(test, DirectionSettings | ExampleSettings):
        meant = isinstance(test, DirectionSettings) or test.label is None
        if task == "multiclass" and meant and test.of_class is None:
            yield f"{path}.of_class", "is missing: the probability of which class is meant?"
        if task == "regression" and test.of_class is not None:
            yield f"{path}.of_class", "is for classes, and task is regression"
    if not isinstance(test, ExampleSettings):
        return
    bounded = test.at_least is not None or test.at_most is not None
    if [test.label is not None, test.value is not None, bounded].count(True) != 1:
        yield path, "expects one thing of its row: `label`, `value`, or `at_least` and `at_most`"
    if task == "regression" and test.label is not None:
        yield f"{path}.label", "is for classes, and task is regression"
    if task != "regression" and test.value is not None:
        yield f"{path}.value", f"is for numbers, and task is {task}; say `at_least` and `at_most`"
    if (test.within is None) != (test.value is None):
        yield f"{path}.within", "goes with `value`: how far from it may the prediction lie?"
    if test.at_least is not None and test.at_most is not None and test.at_least > test.at_most:
        yield f"{path}.at_least", f"is {test.at_least:g}, more than at_most, {test.at_most:g}"
