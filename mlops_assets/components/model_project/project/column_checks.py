"""What `defs.yaml` says about columns and classes, against those that there are."""

import difflib
import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
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
from mlops_assets.core import names
from mlops_assets.core.errors import ProjectError

if TYPE_CHECKING:
    from mlops_assets.components.model_project.project.project import Project
    from mlops_assets.ml.contracts.columns import Column

DECLARATION = "defs.yaml"
Faults = Iterator[tuple[str, str]]
_KINDS = {
    "BIGINT": "a whole number",
    "DOUBLE": "a number",
    "BOOLEAN": "true or false",
    "TIMESTAMP": "a time",
    "DATE": "a day",
    "VARCHAR": "text",
}


def reject_unknown_columns(
    project: "Project",
    columns: "Sequence[Column]",
    features: Collection[str],
    classes: Collection[Any],
) -> None:
    """Compare the settings of evaluation and behaviour with what there is.

    Parameters
    ----------
    columns
        What predictions are made from: the table's columns without the target, or in an event project the
        features.
    features
        What `features.sql` returns.
    classes
        The target's values, for classification.

    Raises
    ------
    ProjectError
        With all faults, each with its file and line.
    """
    settings = project.settings
    known = {column.name: column for column in columns}
    faults = [
        *_evaluation_faults(settings.evaluation.slices, "slices", {*known, *features}),
        *_evaluation_faults(settings.evaluation.sensitive, "sensitive", {*known, *features}),
        *_behaviour_faults(settings.behaviour, known, classes),
    ]
    if faults:
        place = _places(project.files.folder / DECLARATION)
        told = [f"{place(path)}: {path} {fault}" for path, fault in faults]
        raise ProjectError("\n".join(told), hint=f"correct {DECLARATION}")


def model_input_columns(project: "Project", features: Mapping[str, str]) -> "list[Column]":
    """What predictions are made from, before there is a model that tells.

    Parameters
    ----------
    features
        The types of what `features.sql` returns, by name, as DuckDB calls them.
    """
    from mlops_assets.components.model_project.project.declared_tables import declared_contract
    from mlops_assets.ml.contracts.columns import Column

    if project.timeline is None:
        columns = declared_contract(project, project.table).columns
        return [column for column in columns if column.name != project.settings.target.column]
    aside = {*project.settings.entity, *names.RESERVED}
    return [
        Column(name, "VARCHAR" if kind == "VARCHAR" else "DOUBLE")
        for name, kind in features.items()
        if name not in aside
    ]


def _evaluation_faults(declared: Sequence[str], group: str, known: Collection[str]) -> Faults:
    for index, name in enumerate(declared):
        if name not in known:
            yield f"evaluation.{group}.{index}", _unknown(name, known)


def _behaviour_faults(
    behaviour: BehaviourSettings, known: "Mapping[str, Column]", classes: Collection[Any]
) -> Faults:
    for path, _, test in behaviour.named():
        match test:
            case InvarianceSettings() | DirectionSettings() if test.column not in known:
                yield f"{path}.column", _unknown(test.column, known)
                continue
            case InvarianceSettings():
                for index, value in enumerate(test.values):
                    yield from _value_faults(f"{path}.values.{index}", value, known[test.column])
                if test.by is not None:
                    yield from _step_faults(path, test.by, known[test.column])
            case DirectionSettings():
                yield from _step_faults(path, test.by, known[test.column])
            case ExampleSettings():
                yield from _row_faults(path, test, known)
        if isinstance(test, DirectionSettings | ExampleSettings):
            yield from _class_faults(f"{path}.of_class", test.of_class, classes)
        if isinstance(test, ExampleSettings):
            yield from _class_faults(f"{path}.label", test.label, classes)


def _class_faults(path: str, value: Any, classes: Collection[Any]) -> Faults:
    if value is not None and classes and value not in classes:
        told = ", ".join(map(repr, sorted(classes, key=repr)))
        yield path, f"is {value!r}, and the classes are {told}"


def _step_faults(path: str, by: float, column: "Column") -> Faults:
    if column.sql_type not in ("BIGINT", "DOUBLE"):
        kind = _KINDS[column.sql_type]
        yield f"{path}.column", f"is {column.name!r}, which is {kind}; only of a number there can be more"
    elif column.sql_type == "BIGINT" and not float(by).is_integer():
        yield f"{path}.by", f"is {by:g}, and {column.name} is a whole number"


def _row_faults(path: str, test: ExampleSettings, known: "Mapping[str, Column]") -> Faults:
    for name, value in test.row.items():
        if name not in known:
            yield f"{path}.row.{name}", _unknown(name, known)
        elif value is not None:
            yield from _value_faults(f"{path}.row.{name}", value, known[name])
    lacking = [
        name
        for name, column in known.items()
        if column.required and not column.nullable and test.row.get(name) is None
    ]
    if lacking:
        yield f"{path}.row", f"lacks {', '.join(lacking)}, which no row is without"


def _value_faults(path: str, value: Any, column: "Column") -> Faults:
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
        yield path, f"is {value!r}, and {column.name} is {_KINDS[column.sql_type]}"


def _unknown(name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name, sorted(known), n=1)
    rest = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(known))}"
    return f"is {name!r}, which is no column; {rest}"


def _places(file: Path) -> Callable[[str], str]:
    """Where a setting stands, as `defs.yaml:12`; the file alone if it was not read from one."""
    try:
        parsed = parse_yaml_with_source_position(file.read_text("utf-8"), str(file))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return lambda path: str(file)  # noqa: ARG005

    def place(path: str) -> str:
        keys = [int(part) if part.isdigit() else part for part in path.split(".")]
        tree = parsed.source_position_tree
        return str(tree.lookup_closest_and_path(["attributes", *keys], trace=None)[0])

    return place
