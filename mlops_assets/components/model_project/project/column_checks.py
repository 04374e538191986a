"""Columns and classes named in `defs.yaml`, compared with those of the data."""

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from mlops_assets.compat.dagster import parse_yaml_with_source_position
from mlops_assets.components.model_project.settings.evaluation import (
    BehaviourSettings,
    DirectionSettings,
    ExampleSettings,
    InvarianceSettings,
)
from mlops_assets.components.model_project.settings.fairness import FairnessSettings
from mlops_assets.components.model_project.settings.rules.sensitive import sensitive_errors
from mlops_assets.core import names
from mlops_assets.core.errors import ProjectError
from mlops_assets.core.text.suggestions import suggest_name

if TYPE_CHECKING:
    from mlops_assets.components.model_project.project.project import Project
    from mlops_assets.components.model_project.settings.project import ProjectSettings
    from mlops_assets.ml.contracts.columns import Column, SqlType

DECLARATION = "defs.yaml"
Errors = Iterator[tuple[str, str]]
"""Path of an invalid setting, and the problem."""

_KINDS = {
    "BIGINT": "an integer",
    "DOUBLE": "a number",
    "BOOLEAN": "true or false",
    "TIMESTAMP": "a timestamp",
    "DATE": "a date",
    "VARCHAR": "text",
}
_FEATURE_TYPES: "dict[str, SqlType]" = {
    "VARCHAR": "VARCHAR",
    "DATE": "TIMESTAMP",
    "TIMESTAMP": "TIMESTAMP",
}
"""SQL types of features as inputs of a model; all others are DOUBLE."""


def reject_unknown_columns(
    project: "Project",
    columns: "Sequence[Column]",
    features: Collection[str],
    classes: Collection[Any],
) -> None:
    """Reject names of columns and classes in the settings that do not exist.

    Parameters
    ----------
    columns
        Inputs of the model: the table's columns without the target, or in an event project the features.
    features
        Columns that `features.sql` returns.
    classes
        Classes of the target; empty for regression.

    Raises
    ------
    ProjectError
        With all errors, each with file and line number.
    """
    settings = project.settings
    known = {column.name: column for column in columns}
    errors = [
        *_evaluation_errors(settings.evaluation.slices, "slices", {*known, *features}),
        *_evaluation_errors(settings.evaluation.sensitive, "sensitive", {*known, *features}),
        *_fairness_errors(settings.fairness, {*known, *features}),
        *_evaluation_errors(settings.evaluation.clusters, "clusters", {*known, *settings.entity}),
        *_group_errors(settings, features),
        *_encoding_errors(settings.preprocessing.encode, features),
        *_behaviour_errors(settings.behaviour, known, classes),
        *_class_weight_errors(settings.tuning.class_weight, classes),
        *_monotone_errors(settings.monotone, features),
        *_drift_errors(settings, features),
    ]
    _raise_for(project, errors)


def reject_unknown_groups(project: "Project", features: Collection[str]) -> None:
    """Reject groups of intervals that are not features; errors as of `reject_unknown_columns`."""
    _raise_for(project, list(_group_errors(project.settings, features)))


def reject_unknown_drift_columns(project: "Project", features: Collection[str]) -> None:
    """Reject columns to leave out of the drift report that are not features."""
    _raise_for(project, list(_drift_errors(project.settings, features)))


def reject_sensitive_uses(project: "Project") -> None:
    """Reject settings that would show values of sensitive columns; errors as of `reject_unknown_columns`."""
    _raise_for(project, list(sensitive_errors(project.settings, project.sensitive)))


def _raise_for(project: "Project", errors: Sequence[tuple[str, str]]) -> None:
    if errors:
        location = _locations(project.files.folder / DECLARATION)
        lines = [f"{location(path)}: {path} {problem}" for path, problem in errors]
        raise ProjectError("\n".join(lines), hint=f"correct {DECLARATION}")


def model_input_columns(project: "Project", features: Mapping[str, str]) -> "list[Column]":
    """The input columns of a model that is not yet trained.

    Parameters
    ----------
    features
        DuckDB types of the columns that `features.sql` returns, by name.
    """
    from mlops_assets.components.model_project.project.declared_tables import declared_contract
    from mlops_assets.components.model_project.project.target_columns import hidden_columns
    from mlops_assets.ml.contracts.columns import Column

    if project.timeline is None:
        contract = declared_contract(project, project.table, for_training=False)
        hidden = hidden_columns(project, contract.names)
        return [column for column in contract.columns if column.name not in hidden]
    aside = {*project.settings.entity, *names.RESERVED}
    return [
        Column(name, _FEATURE_TYPES.get(kind, "DOUBLE"), sensitive=name in project.sensitive)
        for name, kind in features.items()
        if name not in aside
    ]


def _evaluation_errors(declared: Sequence[str], group: str, known: Collection[str]) -> Errors:
    for index, name in enumerate(declared):
        if name not in known:
            yield f"evaluation.{group}.{index}", _unknown(name, known)


def _drift_errors(settings: "ProjectSettings", features: Collection[str]) -> Errors:
    for index, name in enumerate(settings.monitoring.drift.without):
        if name not in features:
            yield f"monitoring.drift.without.{index}", _unknown(name, features)


def _group_errors(settings: "ProjectSettings", features: Collection[str]) -> Errors:
    """Groups of intervals are features, because a prediction in an event project has no other columns."""
    sets = settings.prediction_sets
    declared = {"intervals": settings.intervals.groups, "prediction_sets": sets.groups if sets else []}
    for setting, columns in declared.items():
        for index, name in enumerate(columns):
            if name not in features:
                hint = suggest_name(name, features)
                yield f"{setting}.groups.{index}", f"is {name!r}, which is not a feature; {hint}"


def _fairness_errors(declared: FairnessSettings | None, known: Collection[str]) -> Errors:
    if declared is not None and declared.column is not None and declared.column not in known:
        yield "fairness.column", _unknown(declared.column, known)


def _encoding_errors(declared: Iterable[str], features: Collection[str]) -> Errors:
    for name in declared:
        if name not in features:
            yield f"preprocessing.encode.{name}", _unknown(name, features)


def _behaviour_errors(
    behaviour: BehaviourSettings, known: "Mapping[str, Column]", classes: Collection[Any]
) -> Errors:
    for path, _, test in behaviour.named():
        match test:
            case InvarianceSettings() | DirectionSettings() if test.column not in known:
                yield f"{path}.column", _unknown(test.column, known)
                continue
            case InvarianceSettings():
                for index, value in enumerate(test.values):
                    yield from _value_errors(f"{path}.values.{index}", value, known[test.column])
                if test.by is not None:
                    yield from _step_errors(path, test.by, known[test.column])
            case DirectionSettings():
                yield from _step_errors(path, test.by, known[test.column])
            case ExampleSettings():
                yield from _row_errors(path, test, known)
        if isinstance(test, DirectionSettings | ExampleSettings):
            yield from _class_errors(f"{path}.of_class", test.of_class, classes)
        if isinstance(test, ExampleSettings):
            yield from _class_errors(f"{path}.label", test.label, classes)


def _class_weight_errors(declared: Any, classes: Collection[Any]) -> Errors:
    for label in declared if isinstance(declared, Mapping) else ():
        yield from _class_errors(f"tuning.class_weight.{label}", label, [str(each) for each in classes])


def _monotone_errors(monotone: Collection[str], features: Collection[str]) -> Errors:
    for name in monotone:
        if name not in features:
            yield f"monotone.{name}", f"is not a feature; {suggest_name(name, features)}"


def _class_errors(path: str, value: Any, classes: Collection[Any]) -> Errors:
    if value is not None and classes and value not in classes:
        known = ", ".join(map(repr, sorted(classes, key=repr)))
        yield path, f"is {value!r}; the classes are {known}"


def _step_errors(path: str, by: float, column: "Column") -> Errors:
    if column.sql_type not in ("BIGINT", "DOUBLE"):
        kind = _KINDS[column.sql_type]
        yield f"{path}.column", f"is {column.name!r}, which is {kind}; choose a numeric column"
    elif column.sql_type == "BIGINT" and not float(by).is_integer():
        yield f"{path}.by", f"is {by:g}; {column.name} is an integer column"


def _row_errors(path: str, test: ExampleSettings, known: "Mapping[str, Column]") -> Errors:
    for name, value in test.row.items():
        if name not in known:
            yield f"{path}.row.{name}", _unknown(name, known)
        elif value is not None:
            yield from _value_errors(f"{path}.row.{name}", value, known[name])
    missing = [
        name
        for name, column in known.items()
        if column.required and not column.nullable and test.row.get(name) is None
    ]
    if missing:
        yield f"{path}.row", f"lacks required columns: {', '.join(missing)}"


def _value_errors(path: str, value: Any, column: "Column") -> Errors:
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    fits = {
        "BIGINT": number and float(value).is_integer(),
        "DOUBLE": number,
        "BOOLEAN": isinstance(value, bool),
        "VARCHAR": isinstance(value, str),
        "TIMESTAMP": isinstance(value, str | date),
        "DATE": isinstance(value, str | date),
    }
    if not fits[column.sql_type]:
        yield path, f"is {value!r}; {column.name} is {_KINDS[column.sql_type]}"


def _unknown(name: str, known: Collection[str]) -> str:
    return f"is {name!r}, which is not a column; {suggest_name(name, known)}"


def _locations(file: Path) -> Callable[[str], str]:
    """A function from a setting's path to its location, `defs.yaml:12`; the file alone if unreadable."""
    try:
        parsed = parse_yaml_with_source_position(file.read_text("utf-8"), str(file))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return lambda path: str(file)  # noqa: ARG005

    def location(path: str) -> str:
        keys = [int(part) if part.isdigit() else part for part in path.split(".")]
        tree = parsed.source_position_tree
        return str(tree.lookup_closest_and_path(["attributes", *keys], trace=None)[0])

    return location
