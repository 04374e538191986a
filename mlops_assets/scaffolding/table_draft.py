"""Draft of a table: what the drafts of static projects and of event projects share."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from keyword import iskeyword
from typing import Any

from mlops_assets.core.errors import ProjectError
from mlops_assets.core.names import IDENTIFIER, NOT_DECLARED, RESERVED_SCHEMAS
from mlops_assets.scaffolding.column_profile import ColumnProfile
from mlops_assets.scaffolding.parts import Part
from mlops_assets.scaffolding.personal_data import is_personal
from mlops_assets.scaffolding.values.odd_values import values_as_names

LEAST_REJECTED_SHARE = 0.05
"""Limit of invalid rows in a source without missing values that are required."""


@dataclass(frozen=True, kw_only=True)
class TableDraft:
    """A project with one table.

    Attributes
    ----------
    project, table
        Names of project and table.
    source
        `source` of the table: a path, or for a query a mapping.
    columns
        All columns, in the order of the source.
    csv, excel
        The `csv` and `excel` settings of the table that differ from the defaults.
    doubts
        What the rows do not decide.
    formats
        The settings of columns of times or numbers with a format of their own.
    ids
        The columns that identify a row and are no features; None if they are found by name and values.
    parts
        Parts of columns that are features instead of them.
    hints
        What is unusual about a column that is read in parts, such as JSON, with the SQL that reads one.
    """

    project: str
    table: str
    source: str | Mapping[str, str]
    columns: tuple[ColumnProfile, ...]
    csv: Mapping[str, Any] = field(default_factory=dict)
    excel: Mapping[str, Any] = field(default_factory=dict)
    doubts: tuple[str, ...] = ()
    formats: Mapping[str, Any] = field(default_factory=dict)
    ids: tuple[str, ...] | None = None
    parts: tuple[Part, ...] = ()
    hints: Mapping[str, str] = field(default_factory=dict)

    @property
    def origin(self) -> str:
        """The source in words."""
        return self.source if isinstance(self.source, str) else f"a query of {self.source['database']}"

    @property
    def rows(self) -> int:
        """Number of rows of the source."""
        return self.columns[0].rows

    @property
    def classes(self) -> ColumnProfile | None:
        """The column with the classes of a classification, if the table has it."""
        return None

    @property
    def amount(self) -> ColumnProfile | None:
        """The column with the target of a regression, if the table has it."""
        return None

    @property
    def required(self) -> set[str]:
        """Names of columns that may not be empty, even if some rows are."""
        return {column.name for column in (self.classes, self.amount) if column}

    @property
    def choice(self) -> str:
        """Hint for the name of a column that does not exist."""
        names = [column.name for column in self.columns]
        header = "; if these are values, write a header into the first line" * bool(values_as_names(names))
        return f"choose from {', '.join(names)}{header}"

    @property
    def class_name(self) -> str:
        """Name of the class of the table in `schema.py`."""
        return "".join(part.capitalize() for part in self.table.split("_"))

    @cached_property
    def sensitive(self) -> list[str]:
        """The columns that look like personal data."""
        return [
            column.name for column in self.columns if is_personal(column) and column.name not in self.shown
        ]

    @property
    def shown(self) -> set[str]:
        """Names of columns whose values messages and reports show, whatever they look like."""
        return {column.name for column in (self.classes, self.amount) if column}

    @cached_property
    def part_named(self) -> dict[str, Part]:
        """The parts of columns by name."""
        return {part.name: part for part in self.parts}

    @cached_property
    def described(self) -> list[ColumnProfile]:
        """All columns, each followed by its parts."""
        return [
            profile
            for column in self.columns
            for profile in (column, *(part.profile for part in self.parts if part.of == column.name))
        ]

    @cached_property
    def identifiers(self) -> dict[str, str]:
        """A valid Python and SQL identifier for each column and part: its own name if possible."""
        given: dict[str, str] = {}
        taken = set[str]()
        for column in self.described:
            name = plain = identifier(column.name)
            number = 2
            while name.lower() in taken:
                name, number = f"{plain}_{number}", number + 1
            given[column.name] = name
            taken.add(name.lower())
        return given

    @cached_property
    def key(self) -> list[str]:
        """The columns that identify a row, by name and values."""
        return [
            column.name
            for column in self.columns
            if self.is_id(column) and column.is_unique and column.name not in self.required
        ][:1]

    def is_id(self, column: ColumnProfile) -> bool:
        """Whether a column identifies a row, and is no feature."""
        return column.is_key if self.ids is None else column.name in self.ids


def require_identifier(name: str, what: str) -> None:
    """Require a valid identifier as the name of a project or table."""
    if not IDENTIFIER.fullmatch(name):
        raise ProjectError(
            f"{name} is not a valid name of a {what}",
            hint="use lower-case letters, digits and _, starting with a letter",
        )
    if what == "project" and name in RESERVED_SCHEMAS:
        raise ProjectError(f"{name} is the name of a schema of DuckDB", hint="choose another name")


def identifier(name: str) -> str:
    """The name of a column as an identifier that needs no quotes in Python and SQL."""
    import pandera.pandas as pa

    plain = re.sub(r"\W+", "_", name).strip("_") or "column"
    if plain[0].isdigit():
        plain = f"n{plain}"
    taken = iskeyword(plain) or plain.lower() in NOT_DECLARED or hasattr(pa.DataFrameModel, plain)
    return f"{plain}_" if taken or plain == "Config" else plain
