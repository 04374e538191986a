"""Rules of retraining: which rules of `retrain.when` a project can have."""

from collections import Counter
from typing import TYPE_CHECKING

from mlops_assets.components.model_project.settings.base import Errors

if TYPE_CHECKING:
    from mlops_assets.components.model_project.settings.monitoring.retraining import RetrainSettings
    from mlops_assets.components.model_project.settings.project import ProjectSettings


def retraining_errors(settings: "ProjectSettings") -> Errors:
    """The errors in `retrain`."""
    declared = settings.retrain
    if declared is None:
        return
    repeated = [rule for rule, count in Counter(declared.when).items() if count > 1]
    if repeated:
        yield "retrain.when", f"lists {repeated[0]} more than once"
    if declared.needed > declared.newest:
        yield (
            "retrain.m_of_n",
            f"is {declared.m_of_n}: {declared.needed} of {declared.newest} reports can't have evidence; "
            f"write [{declared.newest}, {declared.needed}]",
        )
    yield from _schedule_errors(settings, declared)
    yield from _report_errors(settings, declared)
    yield from _unused_errors(settings, declared)


def _schedule_errors(settings: "ProjectSettings", declared: "RetrainSettings") -> Errors:
    if "schedule" in declared.when and settings.schedules.train is None:
        yield "retrain.when", "has schedule, which requires schedules.train, its cron expression"
    if "schedule" not in declared.when and settings.schedules.train is not None:
        yield (
            "schedules.train",
            "starts trainings, but retrain.when does not have schedule; add schedule to retrain.when, or "
            "remove schedules.train",
        )


def _report_errors(settings: "ProjectSettings", declared: "RetrainSettings") -> Errors:
    reports = settings.monitoring.reports
    for index, rule in enumerate(declared.when):
        if rule not in ("drift", "performance"):
            continue
        if rule not in reports:
            yield f"retrain.when.{index}", f"is {rule}, which monitoring.reports does not have; add it there"
        elif settings.partitions is None and settings.scoring is None:
            yield (
                f"retrain.when.{index}",
                f"is {rule}, which requires predictions; declare `scoring`, the rows to predict",
            )


def _unused_errors(settings: "ProjectSettings", declared: "RetrainSettings") -> Errors:
    """Settings without an effect."""
    given, events = declared.model_fields_set, settings.partitions is not None
    if "m_of_n" in given and not {"drift", "performance"} & {*declared.when}:
        yield "retrain.m_of_n", "requires drift or performance in retrain.when, whose reports it counts"
    for name in ("new_cutoffs", "new_rows"):
        if name in given and "new_data" not in declared.when:
            yield f"retrain.{name}", "requires new_data in retrain.when"
    if "new_rows" in given and events:
        yield "retrain.new_rows", "is for projects without partitions; use new_cutoffs"
    if "new_cutoffs" in given and not events:
        yield "retrain.new_cutoffs", "is for event projects; use new_rows"
    if "cooldown" in given and not events:
        yield (
            "retrain.cooldown",
            "is for event projects: it counts partitions; a project without partitions trains again only "
            "after its rows have changed",
        )
