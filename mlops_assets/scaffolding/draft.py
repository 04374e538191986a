"""A project's first files, drafted from what its columns look like."""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from keyword import iskeyword
from math import ceil
from typing import Self

from mlops_assets.core.errors import DataError, ProjectError
from mlops_assets.core.names import IDENTIFIER, RESERVED
from mlops_assets.ml.metrics.tasks import Metric, Task, default_metric
from mlops_assets.scaffolding.column_profile import MOST_VALUES, ColumnProfile

_FEW_NUMBERS = 10
"""Whole numbers are taken for classes up to so many of them."""
_FEW_TEXTS = 50
"""Texts with more values are left out of the features: the default pipeline has a column for so many."""
_FEW_OF_A_CLASS = 100
"""A random split may tear so few rows apart unevenly."""
_LEAST_REJECTED_SHARE = 0.05


@dataclass(frozen=True)
class Draft:
    """What a project's first files say.

    Attributes
    ----------
    project, table
        Their names.
    source
        The table's `source`.
    columns
        All columns, in the order of the source.
    target
        The column that is predicted.
    """

    project: str
    table: str
    source: str
    columns: tuple[ColumnProfile, ...]
    target: ColumnProfile
    task: Task

    @classmethod
    def of(
        cls,
        columns: Sequence[ColumnProfile],
        *,
        project: str,
        table: str,
        source: str,
        target: str,
        task: Task | None = None,
    ) -> Self:
        """Draft a project; without a task, the target's values tell it.

        Raises
        ------
        ProjectError
            When the target is no column, or does not go with the task.
        """
        found = next((column for column in columns if column.name == target), None)
        if found is None:
            near = difflib.get_close_matches(target, [column.name for column in columns], n=1, cutoff=0.5)
            raise ProjectError(
                f"{project}: {source} has no column {target}"
                + (f"; did you mean {near[0]}?" if near else ""),
                hint=f"it has {', '.join(column.name for column in columns)}",
            )
        if found.distinct < 2:
            raise DataError(
                f"{project}: column {target} holds {'one value' if found.distinct else 'no value'}, "
                f"so there is nothing to predict",
                hint="choose another target, or bring rows in which it differs",
            )
        if task is None:
            task = _task_of(project, found)
        _refuse_unfit(project, found, task)
        return cls(project, table, source, tuple(columns), found, task)

    @property
    def metric(self) -> Metric:
        return default_metric(self.task)

    @property
    def class_name(self) -> str:
        """The class of `schema.py` that declares the table."""
        return "".join(part.capitalize() for part in self.table.split("_"))

    @cached_property
    def identifiers(self) -> dict[str, str]:
        """A name for each column that Python and SQL can spell: itself if possible."""
        given: dict[str, str] = {}
        for column in self.columns:
            name = plain = _identifier(column.name)
            number = 2
            while name.lower() in {taken.lower() for taken in given.values()}:
                name, number = f"{plain}_{number}", number + 1
            given[column.name] = name
        return given

    @cached_property
    def key(self) -> list[str]:
        """The columns that identify a row, by name and values."""
        return [column.name for column in self.columns if column.is_key and column != self.target][:1]

    def why_no_feature(self, column: ColumnProfile) -> str:
        """Why a column is not among the first features; empty when it is."""
        if column == self.target:
            return "the target, which features.sql does not see"
        if column.is_key:
            return "identifies a row"
        if column.distinct + bool(column.nulls) < 2:
            return "always the same" if column.distinct else "always empty"
        if column.sql_type == "VARCHAR" and column.distinct > _FEW_TEXTS:
            return f"text with {column.distinct:,} values; make something of it that has few"
        if column.sql_type in ("DATE", "TIMESTAMP"):
            return "a moment; compute what matters of it, such as date_part('year', …)"
        return ""

    @property
    def features(self) -> list[ColumnProfile]:
        return [column for column in self.columns if not self.why_no_feature(column)]

    @property
    def max_rejected_share(self) -> float:
        """Room for the rows without a target, which the contract rejects."""
        share = self.target.nulls / max(self.target.rows, 1)
        return max(_LEAST_REJECTED_SHARE, ceil(share * 110) / 100)

    @property
    def stratified(self) -> bool:
        """Whether some class is so rare that each side of the split must be given its share."""
        return self.task != "regression" and min(self.target.values.values()) < _FEW_OF_A_CLASS

    @property
    def notes(self) -> list[str]:
        """What somebody should know before the first run."""
        told = []
        if self.target.nulls:
            told.append(
                f"{self.target.nulls:,} of {self.target.rows:,} rows have no {self.target.name}; they will "
                "be quarantined"
            )
        if self.task != "regression" and self.target.is_number:
            told.append(
                f"{self.target.name} has {self.target.distinct} whole numbers, which are taken for classes; "
                "if they are amounts, say --task regression"
            )
        if not self.features:
            told.append("no column can be a feature as it is; write features.sql before the first run")
        return told


def require_identifier(name: str, what: str) -> None:
    """A project and a table are called by identifiers."""
    if not IDENTIFIER.match(name):
        raise ProjectError(
            f"{name} can't be the name of a {what}",
            hint="name it with lower-case letters, digits and _, starting with a letter",
        )


def _task_of(project: str, target: ColumnProfile) -> Task:
    whole_classes = target.sql_type == "BIGINT" and target.distinct <= _FEW_NUMBERS
    if target.is_number and not whole_classes:
        return "regression"
    if target.distinct == 2:
        return "binary"
    if whole_classes or (target.sql_type == "VARCHAR" and target.distinct <= MOST_VALUES):
        return "multiclass"
    raise ProjectError(
        f"{project}: column {target.name} holds {target.distinct:,} different values of the type "
        f"{target.sql_type.lower()}, from {target.least} to {target.greatest}: neither a number nor a class",
        hint=f"choose another target; classes are at most {MOST_VALUES} texts, and a number with a unit in "
        "it is text",
    )


def _refuse_unfit(project: str, target: ColumnProfile, task: Task) -> None:
    fault = ""
    if task == "regression" and not target.is_number:
        fault = f"is no number: it holds {target.least!r}, for example"
    if task == "binary" and target.distinct != 2:
        fault = f"holds {target.distinct:,} different values, and binary has two"
    if task == "multiclass" and not target.values:
        fault = f"holds {target.distinct:,} different values, and there may be {MOST_VALUES} classes"
    if task != "regression" and target.sql_type in ("DATE", "TIMESTAMP"):
        fault = "holds moments, which are no classes"
    if fault:
        raise ProjectError(
            f"{project}: the target {target.name} {fault}",
            hint="choose another --target or --task; without --task the values tell it",
        )


def _identifier(name: str) -> str:
    """A column's name as Python and SQL can spell it without quotes."""
    import pandera.pandas as pa

    plain = re.sub(r"\W+", "_", name).strip("_") or "column"
    if plain[0].isdigit():
        plain = f"n{plain}"
    taken = iskeyword(plain) or plain.lower() in RESERVED or hasattr(pa.DataFrameModel, plain)
    return f"{plain}_" if taken or plain == "Config" else plain
