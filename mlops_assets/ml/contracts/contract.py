"""Contracts: the rules of a table's rows, declared with pandera and evaluated row by row.

A rule is either uniqueness or can be evaluated for one row at a time: rows are read in batches, and a check
of a whole column would have another result for each batch. Such checks are rejected by name.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from typing import Any, Literal, cast

import numpy as np
import pandas as pd
import pandera.pandas as pa
from pandera.errors import SchemaErrors

from mlops_assets.core.errors import ProjectError
from mlops_assets.core.names import NOT_DECLARED
from mlops_assets.ml.contracts.column_format import ColumnFormat
from mlops_assets.ml.contracts.columns import (
    PANDAS_TYPES,
    Available,
    Column,
    format_attributes,
    select_list,
)
from mlops_assets.ml.contracts.pandera_schema import (
    column_checks,
    reject_unsupported,
    runs_on,
    sql_type,
)
from mlops_assets.ml.contracts.screening.screen import Screen
from mlops_assets.ml.contracts.table_checks import failing_rows, failing_values, rule_of
from mlops_assets.ml.contracts.time_sql import UTC_ZONE, Ambiguous


@dataclass(frozen=True)
class Contract:
    """The rules of a table.

    Attributes
    ----------
    subject
        Project and table, for messages: `california_housing: table districts`.
    columns
        In the order of the schema.
    unique
        Sets of columns whose combined values are unique.
    keep
        Which of several rows with the same values is kept: `last` when the schema sets `report_duplicates` to
        `exclude_last`, otherwise `first`.
    """

    subject: str
    columns: tuple[Column, ...]
    unique: tuple[tuple[str, ...], ...]
    keep: Literal["first", "last"]
    _checks: pa.DataFrameSchema
    """Checks of one column each."""
    _table_checks: pa.DataFrameSchema
    """Checks of several columns of a row."""

    @classmethod
    def of(
        cls,
        model: Any,
        *,
        subject: str,
        key: Sequence[str] = (),
        never_null: Sequence[str] = (),
        spelling: tuple[str, str] = (".", ""),
        clock: tuple[str, Ambiguous] = (UTC_ZONE, "quarantine"),
        formats: Sequence[tuple[str, ColumnFormat]] = (),
        sensitive: Collection[str] = (),
    ) -> "Contract":
        """Read a pandera `DataFrameModel` or `DataFrameSchema`.

        Parameters
        ----------
        key
            Columns that identify a row; unique, and never null.
        never_null
            Further columns that are never null, even if the schema declares them nullable.
        spelling
            Decimal mark and thousands separator of numbers in text; see `Column`.
        clock
            The zone of times without an offset, and what becomes of those that occur twice; see `Column`.
        formats, sensitive
            The formats of single columns, and columns that are sensitive beside those whose metadata says so.

        Raises
        ------
        ProjectError
            When the schema declares a rule that can't be evaluated row by row, a reserved column name, or a
            type that the format of the column contradicts.
        """
        schema = model if isinstance(model, pa.DataFrameSchema) else model.to_schema()
        reject_unsupported(schema, subject)
        types = {name: sql_type(column, subject) for name, column in schema.columns.items()}
        zone: dict[str, Any] = dict(zip(("time_zone", "ambiguous_times"), clock, strict=True))
        columns = tuple(
            Column(
                name=name,
                sql_type=types[name],
                nullable=column.nullable and name not in (*key, *never_null),
                required=column.required,
                description=column.description or "",
                sensitive=name in sensitive or bool((column.metadata or {}).get("sensitive")),
                **(zone if types[name] in ("TIMESTAMP", "DATE") else {}),
                **format_attributes(name, types[name], dict(formats).get(name), spelling, subject),
            )
            for name, column in schema.columns.items()
        )
        taken = [name for name in schema.columns if name.lower() in NOT_DECLARED]
        if taken:
            raise ProjectError(
                f"{subject}: column {', '.join(taken)} of schema.py is a reserved name",
                hint="rename it in the source and in schema.py",
            )
        unknown = [name for name in key if name not in schema.columns]
        if unknown:
            raise ProjectError(f"{subject}: key column {', '.join(unknown)} is not in schema.py")
        singles = [(name,) for name, column in schema.columns.items() if column.unique]
        declared = [tuple(schema.unique)] if schema.unique else []
        unique = tuple(dict.fromkeys([*singles, *declared, *([tuple(key)] if key else [])]))
        keep: Literal["first", "last"] = "last" if schema.report_duplicates == "exclude_last" else "first"
        contract = cls(
            subject, columns, unique, keep, column_checks(schema), pa.DataFrameSchema(checks=schema.checks)
        )
        contract._reject_aggregates()
        return contract

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.columns]

    def missing(self, available: Sequence[str]) -> list[str]:
        """Required columns that are not available."""
        return [column.name for column in self.columns if column.required and column.name not in available]

    def without(self, name: str) -> "Contract":
        """The contract of rows that lack a column, such as the target, without the rules that read it."""
        columns = tuple(column for column in self.columns if column.name != name)
        rest = pd.DataFrame({column.name: _empty(column) for column in columns})
        return replace(
            self,
            columns=columns,
            unique=tuple(names for names in self.unique if name not in names),
            _checks=pa.DataFrameSchema(
                {key: one for key, one in self._checks.columns.items() if key != name}
            ),
            _table_checks=pa.DataFrameSchema(
                checks=[check for check in self._table_checks.checks if runs_on(check, rest)]
            ),
        )

    def with_columns(self, columns: Sequence[Column]) -> "Contract":
        """The contract with other columns; those that it does not declare have no value rules."""
        known = self._checks.columns
        checks = {one.name: known.get(one.name, pa.Column(nullable=True)) for one in columns}
        return replace(self, columns=tuple(columns), _checks=pa.DataFrameSchema(checks))

    def cast_sql(self, available: Available) -> str:
        """A select list that casts the source's columns; values that can't be cast become null."""
        return select_list(self.columns, available)

    def broken_rules(self, frame: pd.DataFrame) -> dict[int, list[str]]:
        """The value rules that the rows of a typed batch violate.

        A rule of several columns is evaluated only for rows without a missing required value. The types of a
        column never depend on the other rows of the batch: a missing number would turn pandas integers into
        floats.

        Parameters
        ----------
        frame
            The contract's columns, cast, with nullable pandas types for integers and booleans; any index.

        Returns
        -------
        The violated rules, in the order of the schema, by the position of the row (from 0).
        """
        frame = frame.reset_index(drop=True)
        broken: dict[int, list[str]] = {}
        for position, rule in chain(
            self._column_failures(frame), self._table_failures(self._complete(frame))
        ):
            rules = broken.setdefault(position, [])
            if rule not in rules:
                rules.append(rule)
        places = {name: place for place, name in enumerate(self.names)}
        return {
            position: sorted(rules, key=lambda rule: places.get(rule.split(":")[0], len(places)))
            for position, rules in broken.items()
        }

    def _complete(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The rows without a missing required value, with NumPy types."""
        complete = frame[frame[sorted(self._needed)].notna().all(axis=1)]
        return complete.astype(cast(Any, self._row_types))

    @property
    def _needed(self) -> set[str]:
        return {column.name for column in self.columns if column.required and not column.nullable}

    @property
    def _row_types(self) -> dict[str, str]:
        """The types that a rule of several columns receives for integers and booleans."""
        types = {}
        for column in self.columns:
            if column.sql_type == "BIGINT":
                types[column.name] = "int64" if column.name in self._needed else "float64"
            if column.sql_type == "BOOLEAN":
                types[column.name] = "bool" if column.name in self._needed else "boolean"
        return types

    @property
    def checks(self) -> tuple[dict[str, Sequence[pa.Check]], Sequence[pa.Check]]:
        """The checks of each column, and those of several columns of a row."""
        return {name: one.checks for name, one in self._checks.columns.items()}, self._table_checks.checks

    @cached_property
    def screen(self) -> Screen:
        """A fast filter for rows that can't violate a value rule; `broken_rules` evaluates the rest."""
        return Screen.of(
            self.columns,
            *self.checks,
            pd.DataFrame({column.name: _empty(column) for column in self.columns}),
            self._row_types,
        )

    def _column_failures(self, frame: pd.DataFrame) -> Iterator[tuple[int, str]]:
        for name, declared in self._checks.columns.items():
            for check in declared.checks:
                failing = failing_values(check, frame[name])
                if failing is None:
                    only = pa.Column(checks=[check], nullable=True, required=True)
                    yield from self._failures(pa.DataFrameSchema({name: only}), frame)
                else:
                    yield from ((position, f"{name}: {rule_of(check)}") for position in failing.tolist())

    def _table_failures(self, frame: pd.DataFrame) -> Iterator[tuple[int, str]]:
        for check in self._table_checks.checks:
            failing = failing_rows(check, frame)
            if failing is None:
                yield from self._failures(pa.DataFrameSchema(checks=[check]), frame)
            else:
                yield from ((position, rule_of(check)) for position in frame.index[failing].tolist())

    def _failures(self, checks: pa.DataFrameSchema, frame: pd.DataFrame) -> Iterator[tuple[int, str]]:
        try:
            checks.validate(frame, lazy=True)
        except SchemaErrors as errors:
            # pandera's own order is not stable: equal rows would list the same rules in different orders.
            cases = errors.failure_cases.sort_values("check_number", kind="stable")
        else:
            return
        whole = cases[cases["index"].isna()]
        if len(whole):
            case = whole.iloc[0]
            name = f"check {case['check']} of {case['column'] or 'the table'}"
            raise ProjectError(
                f"{self.subject}: {name} failed without row results: {case['failure_case']}",
                hint="return one boolean for each row; correct the check in schema.py if it raises",
                without_values=f"{self.subject}: {name} failed without row results",
            )
        for position, context, column, check in zip(
            cases["index"], cases["schema_context"], cases["column"], cases["check"], strict=True
        ):
            yield int(position), f"{column}: {check}" if context == "Column" else str(check)

    def _reject_aggregates(self) -> None:
        """Run every check on an empty table: one result instead of none shows a check of the whole column."""
        for column in self.columns:
            for check in self._checks.columns[column.name].checks:
                self._reject_aggregate(check, _empty(column), f"column {column.name}")
        empty = pd.DataFrame({column.name: _empty(column) for column in self.columns})
        for check in self._table_checks.checks:
            self._reject_aggregate(check, empty, "the table")

    def _reject_aggregate(self, check: pa.Check, sample: pd.Series | pd.DataFrame, where: str) -> None:
        aggregate = check.groupby is not None
        if not aggregate and not check.element_wise:
            try:
                result = check(sample).check_output
            except Exception:
                return  # a check that needs rows is evaluated again by `broken_rules`
            aggregate = isinstance(result, bool | np.bool_)
        if aggregate:
            raise ProjectError(
                f"{self.subject}: check {check.name or check.error} of {where} evaluates all rows at once",
                hint="return one boolean for each row; check aggregates in a custom asset check",
            )


def _empty(column: Column) -> pd.Series:
    dtype = PANDAS_TYPES[column.sql_type]
    return pd.Series([], dtype="object" if dtype == "date" else dtype, name=column.name)
