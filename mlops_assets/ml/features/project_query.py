"""SQL of a project: one SELECT over its tables, deterministic, with timestamps as placeholders."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Literal

import duckdb

from mlops_assets.core.errors import ProjectError
from mlops_assets.core.names import PROVENANCE
from mlops_assets.core.sql_quoting import literal, quoted, quoted_list
from mlops_assets.ml.features.sql.functions import Violation
from mlops_assets.ml.features.sql.rules import find_violation

_OF_THE_TEXT = (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException)
"""Errors of the text of a query, which quote no values of the data."""
_INFINITE = re.compile(r"\w+ \S+ is infinite where .*")


@dataclass(frozen=True)
class ProjectQuery:
    """One SELECT.

    Attributes
    ----------
    hidden
        Columns that the query can't read: the target, then columns that only the target is computed from.
    timestamps
        Values of placeholders such as `$as_of`, by name.
    subject
        Project and file, for messages.
    """

    sql: str
    subject: str
    hidden: tuple[str, ...] = ()
    timestamps: Mapping[str, datetime] = field(default_factory=dict)

    def run(
        self, connection: duckdb.DuckDBPyConnection, tables: Mapping[str, duckdb.DuckDBPyRelation]
    ) -> duckdb.DuckDBPyRelation:
        """The result as a lazy relation.

        Parameters
        ----------
        tables
            Rows by the name of their table; provenance and hidden columns are removed.

        Raises
        ------
        ProjectError
            When the text is not a single query, or the query fails.
        """
        for name, relation in tables.items():
            left_out = [column for column in relation.columns if column in (*self.hidden, *PROVENANCE)]
            visible = f"* exclude ({quoted_list(left_out)})" if left_out else "*"
            relation.project(visible).create_view(name, replace=True)
        query = self.parsed(connection, list(tables))
        try:
            return connection.query(query)
        except duckdb.Error as error:
            raise self.error_for(error) from error

    def parsed(self, connection: duckdb.DuckDBPyConnection, tables: Collection[str]) -> str:
        """The query with its placeholders replaced; it is parsed, not run.

        Parameters
        ----------
        tables
            Names of the tables that the query may read.

        Raises
        ------
        ProjectError
            When the text is not a single query, is not deterministic, or reads more than the tables.
        """
        pieces = list(self._pieces())
        text = "".join(pieces)
        try:
            statements = connection.extract_statements(text)
        except duckdb.Error as error:
            raise self.error_for(error) from error
        kinds = [statement.type for statement in statements]
        if kinds == [duckdb.StatementType.MULTI]:
            raise ProjectError(
                f"{self.subject}: pivot without values runs as several statements",
                hint="list the values: from (pivot t on x in ('a', 'b') using sum(y))",
            )
        if kinds != [duckdb.StatementType.SELECT]:
            raise ProjectError(f"{self.subject} is not one query", hint="write a single SELECT statement")
        try:
            found = find_violation(text, frozenset(tables))
        except ValueError as error:
            raise ProjectError(f"{self.subject}: {error}", hint="write a single SELECT statement") from error
        if found:
            raise ProjectError(f"{self.subject}: {found.problem}{_line(text, found)}", hint=found.hint)
        # Without its semicolon: DuckDB puts relations into parentheses.
        return "".join(pieces[: pieces.index(";") if ";" in pieces else None])

    def error_for(self, error: duckdb.Error) -> ProjectError:
        """The error for a query that failed when it was parsed, planned or computed."""
        reason = str(error).strip()
        if infinite := _INFINITE.search(reason):
            return ProjectError(
                f"{self.subject}: {infinite[0]}",
                hint="if it is a division by zero, write x / nullif(y, 0), which is null",
                without_values=f"{self.subject}: {infinite[0].partition(' where ')[0]}",
            )
        hint = "correct the query; its tables have the names declared in defs.yaml"
        named = [name for name in self.hidden if f'"{name}"' in reason]
        if named and named[0] == self.hidden[0]:
            hint = f"{named[0]} is the target, which features.sql can't read"
        elif named:
            hint = (
                f"{named[0]} is reserved for the target or the weight of rows; remove it from features.sql, "
                "or if target.expression reads it and it is known at the time of a prediction, add it to "
                "target.keep in defs.yaml"
            )
        computing = not isinstance(error, _OF_THE_TEXT)
        withheld = f"it failed with {type(error).__name__}, whose message may quote values of the data"
        return ProjectError(
            f"{self.subject}: {reason}",
            hint=hint,
            without_values=f"{self.subject}: {withheld}" if computing else None,
        )

    def _pieces(self) -> Iterator[str]:
        """The text of the query with placeholders as literals; a semicolon is a separate piece."""
        tokens = [*_tokens(self.sql), ("", False)]
        expanded = False
        for (token, is_code), (following, _) in pairwise(tokens):
            word = token.strip()
            if expanded:  # the name behind a $
                expanded = False
            elif is_code and word == "$":
                yield self._timestamp(following.strip()) + " "
                expanded = True
            else:
                yield word if is_code and word == ";" else token

    def _timestamp(self, name: str) -> str:
        if name not in self.timestamps:
            known = ", ".join(f"${known}" for known in self.timestamps) or "none, as it has no partitions"
            raise ProjectError(
                f"{self.subject}: unknown placeholder ${name}", hint=f"available placeholders: {known}"
            )
        return f"timestamp {literal(self.timestamps[name])}"


def _line(text: str, found: Violation) -> str:
    """A clause with the line of a violation, where DuckDB reports it."""
    if found.location is None:
        return ""
    line = text.encode()[: found.location].count(b"\n") + 1
    return f" (line {line})"


def finite_sql(
    what: str, name: str, key: Sequence[str], kind: Literal["double", "timestamp"] = "double"
) -> str:
    """A column as DOUBLE or TIMESTAMP; an infinite value ends the query with an error.

    Parameters
    ----------
    what
        Role of the column, for the message: `feature` or `target`.
    key
        Columns that identify the row, for the message.
    """
    value = f"{quoted(name)}::{kind}"
    message = literal(f"{what} {name} is infinite where {', '.join(key)} is ")
    row = " || ', ' || ".join(f"coalesce({quoted(column)}::varchar, 'null')" for column in key)
    return f"case when isinf({value}) then error({message} || {row}) else {value} end"


def _tokens(sql: str) -> Iterator[tuple[str, bool]]:
    """The tokens of a text with trailing white space, and whether each is code, not comment or string."""
    encoded = sql.encode()
    found = list(duckdb.tokenize(sql))
    ends = [*(place for place, _ in found), len(encoded)][1:]
    if found and found[0][0]:
        yield encoded[: found[0][0]].decode(), False
    for (start, kind), end in zip(found, ends, strict=True):
        code = kind not in (duckdb.token_type.comment, duckdb.token_type.string_const)
        yield encoded[start:end].decode(), code
