"""Draft of a project from the profile of its columns: task, metric, contract and first features."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from math import ceil
from typing import TYPE_CHECKING, Self

from mlops_assets.core.errors import DataError, ProjectError
from mlops_assets.core.text.suggestions import closest_name
from mlops_assets.ml.encodings import FEW_VALUES, MANY_VALUES, ROWS_A_VALUE
from mlops_assets.ml.metrics.tasks import Metric, Task, default_metric
from mlops_assets.scaffolding.column_profile import ColumnProfile
from mlops_assets.scaffolding.table_draft import LEAST_REJECTED_SHARE, TableDraft
from mlops_assets.scaffolding.task import require_compatible_task, task_of

if TYPE_CHECKING:
    from mlops_assets.ml.doubts.doubt import Doubt
    from mlops_assets.ml.features.leakage import Suspect

_FEW_DATES = 3
"""Number of columns of dates between which days are counted."""
_FEW_OF_A_CLASS = 100
"""Classes with fewer rows are split by stratification, because a random split may be uneven."""
_FEW_ROWS = 2_000
"""With fewer rows, an equal model often fails the gate of the baselines: its interval is too wide."""
_FEWEST_OF_A_CLASS = 10
"""With fewer rows of a class, training, each validation fold or holdout may have none."""


@dataclass(frozen=True, kw_only=True)
class Draft(TableDraft):
    """Content of the first files of a static project.

    Attributes
    ----------
    target
        The target column.
    suspects
        Features that may contain the target.
    expression
        The target as an SQL expression; empty if it is a column.
    of_target
        The columns that the expression reads, which are hidden from features.sql.
    table_doubts
        Doubts about rows, target and split, from sampled rows.
    """

    target: ColumnProfile
    task: Task
    suspects: tuple["Suspect", ...] = ()
    expression: str = ""
    of_target: tuple[str, ...] = ()
    table_doubts: tuple["Doubt", ...] = ()

    @classmethod
    def of(
        cls,
        base: TableDraft,
        *,
        target: str,
        task: Task | None = None,
    ) -> Self:
        """Draft a project; by default the task is inferred from the target's values.

        Raises
        ------
        ProjectError
            When the target does not exist or is not compatible with the task.
        """
        project, columns = base.project, base.columns
        found = next((column for column in columns if column.name == target), None)
        if found is None:
            near = closest_name(target, (column.name for column in columns))
            raise ProjectError(
                f"{project}: {base.origin} has no column {target}"
                + (f"; did you mean {near}?" if near else ""),
                hint=base.choice,
            )
        if found.distinct < 2:
            raise DataError(
                f"{project}: column {target} has {'a single value' if found.distinct else 'no values'}, "
                f"so there is nothing to predict",
                hint="choose another target, or provide rows with different values",
            )
        if task is None:
            task = task_of(base, found)
        require_compatible_task(project, found, task)
        return cls(**vars(base), target=found, task=task)

    @classmethod
    def of_expression(
        cls, base: TableDraft, target: ColumnProfile, *, sql: str, read: Sequence[str], task: Task | None
    ) -> Self:
        """Draft a project whose target is an expression.

        Parameters
        ----------
        target
            The profile of its values.
        read
            The columns that it reads.

        Raises
        ------
        ProjectError
            When the name of the target is that of a column, or the task is not compatible.
        DataError
            When all rows have the same target.
        """
        if target.name.lower() in {column.name.lower() for column in base.columns}:
            raise ProjectError(
                f"{base.project}: {target.name} is a column of {base.origin} and can't name the target",
                hint="choose another --target-name",
            )
        if target.distinct < 2:
            raise DataError(
                f"{base.project}: the target {sql!r} is {target.least or 'null'} in all rows, so there is "
                "nothing to predict",
                hint="choose another --target",
            )
        task = task or task_of(base, target)
        require_compatible_task(base.project, target, task)
        return cls(**vars(base), target=target, task=task, expression=sql, of_target=tuple(read))

    @property
    def classes(self) -> ColumnProfile | None:
        return None if self.task == "regression" else self.target

    @property
    def amount(self) -> ColumnProfile | None:
        return self.target if self.task == "regression" else None

    @property
    def bounds(self) -> dict[str, int]:
        """Natural bounds of the target: 0 if it is never negative, and 0 and 1 of a share."""
        if self.task != "regression" or not self.target.least or float(self.target.least) < 0:
            return {}
        is_share = self.target.sql_type == "DOUBLE" and float(self.target.greatest) <= 1
        return {"minimum": 0, "maximum": 1} if is_share else {"minimum": 0}

    @property
    def unit(self) -> str:
        """The unit of the target, if its format has one."""
        declared = self.formats.get(self.target.name)
        return declared.get("unit", "") if isinstance(declared, Mapping) else ""

    @property
    def metric(self) -> Metric:
        return default_metric(self.task)

    def why_no_feature(self, column: ColumnProfile) -> str:
        """Reason why a column is not a feature; empty if it is."""
        if column == self.target:
            return "the target, which is hidden from features.sql"
        part = self.part_named.get(column.name)
        if column.name in self.of_target or (part and part.of in (self.target.name, *self.of_target)):
            return "read by the target"
        if column.name in self.sensitive or (part and part.of in self.sensitive):
            return "sensitive"
        if any(each.of == column.name for each in self.parts):
            return "read in parts"
        if self.is_id(column):
            return "identifies a row"
        if column.is_row_number and self.ids is None:
            return "numbers the rows"
        if column.is_entity and self.ids is None:
            return "identifies an entity; derive a feature, such as the number of its rows in another table"
        if column.is_long_integer:
            return "integers above 2^53, which models can't distinguish"
        if column.distinct + bool(column.nulls) < 2:
            return "constant" if column.distinct else "always empty"
        if column.is_name:
            return "a different word in nearly each row, such as a key; derive a feature that rows share"
        return ""

    def encoding(self, column: ColumnProfile) -> str:
        """How the default preprocessing encodes a feature; empty for numbers and text with few values."""
        if column.sql_type in ("DATE", "TIMESTAMP"):
            return "date: calendar parts and elapsed days"
        if column.sql_type != "VARCHAR" or column.distinct <= FEW_VALUES:
            return ""
        filled = column.rows - column.nulls
        if column.distinct <= MANY_VALUES and column.distinct * ROWS_A_VALUE <= filled:
            return f"{column.distinct:,} categories: target encoding"
        return "free text: topics, and a prediction of the target"

    @cached_property
    def elapsed(self) -> dict[str, tuple[ColumnProfile, ColumnProfile]]:
        """Features of the days between two dates, by name; each pair of the first three."""
        dates = [column for column in self.features if column.sql_type in ("DATE", "TIMESTAMP")]
        named = {
            f"days_from_{self.identifiers[start.name]}_to_{self.identifiers[end.name]}": (start, end)
            for start, end in combinations(dates[:_FEW_DATES], 2)
        }
        return {name: pair for name, pair in named.items() if name not in self.identifiers.values()}

    def role(self, column: ColumnProfile) -> str:
        """What the column is: the target, a feature, or why it is none."""
        if column == self.target:
            return "target"
        encoding = self.encoding(column).partition(":")[0]
        return self.why_no_feature(column) or ("feature" + f", {encoding}" * bool(encoding))

    def suspicion(self, column: ColumnProfile) -> str:
        """Why a feature may contain the target; empty without suspicion."""
        return "; ".join(str(suspect) for suspect in self.suspects if column.name in suspect.columns)

    @property
    def features(self) -> list[ColumnProfile]:
        return [column for column in self.described if not self.why_no_feature(column)]

    @property
    def max_rejected_share(self) -> float:
        """Limit that allows for the rows without a target, which the contract rejects."""
        share = 0 if self.expression else self.target.nulls / max(self.target.rows, 1)
        return max(LEAST_REJECTED_SHARE, ceil(share * 110) / 100)

    @property
    def stratified(self) -> bool:
        """Whether a class is so rare that the split should be stratified."""
        return self.task != "regression" and min(self.target.values.values()) < _FEW_OF_A_CLASS

    @property
    def _shown_doubts(self) -> list["Doubt"]:
        """The doubts without those about an entity that has a note of its own."""
        entities = {(column.name,) for column in self.described if column.is_entity}
        return [doubt for doubt in self.table_doubts if doubt.columns not in entities]

    @property
    def _part_notes(self) -> list[str]:
        """A note about each column that features.sql reads in parts, or should."""
        read = {part.of: part.why for part in self.parts}
        named = {of: ", ".join(self._names_of_parts(of)) for of in read}
        notes = [f"{of} {why}; features.sql reads {named[of]}" for of, why in read.items() if named[of]]
        return notes + [hint for name, hint in self.hints.items() if name not in read]

    def _names_of_parts(self, column: str) -> list[str]:
        return [
            self.identifiers[each.name]
            for each in self.features
            if each.name in self.part_named and self.part_named[each.name].of == column
        ]

    @property
    def notes(self) -> list[str]:
        """Notes for the user before the first run."""
        notes = [f"possible target leakage: {suspect}" for suspect in self.suspects]
        notes += [*self.doubts, *self._part_notes, *map(str, self._shown_doubts)]
        for column in self.described:
            if column.is_entity and column != self.target:
                notes.append(
                    f"{column.name} repeats: rows of one {column.name} may be in training and in holdout; "
                    f"to prevent that, set split.method to group and split.group to [{column.name}]"
                )
        if self.expression:
            notes.append(
                f"{', '.join(self.of_target)}: read by the target and no features; add those that are known "
                "at the time of a prediction to target.keep in defs.yaml and to features.sql"
            )
        if self.target.nulls:
            fate = "are not trained on" if self.expression else "will be quarantined"
            notes.append(
                f"{self.target.nulls:,} of {self.target.rows:,} rows have no {self.target.name} and {fate}"
            )
        if self.task != "regression":
            for value, rows in self.target.values.items():
                if rows < _FEWEST_OF_A_CLASS:
                    notes.append(
                        f"class {value} of {self.target.name} has {rows} row{'s' * (rows != 1)}: "
                        "training and holdout need several; provide more, or remove it from isin in schema.py"
                    )
        if self.task != "regression" and self.target.is_number and {*self.target.values} != {"0", "1"}:
            notes.append(
                f"the {self.target.distinct} integers of {self.target.name} are taken for classes; if they "
                "are amounts, use --task regression"
            )
        if self.rows < _FEW_ROWS:
            notes.append(
                f"{self.rows:,} rows are few: a version as good as the linear baseline may not pass the "
                "gate, because a small holdout can't show it; see gates.baseline_margin"
            )
        if not self.features:
            notes.append(
                "no column can be used as a feature directly; write features.sql before the first run"
            )
        return notes
