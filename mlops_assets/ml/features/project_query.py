"""SQL of a project: one SELECT over its tables, deterministic, with timestamps as placeholders."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

import duckdb

from mlops_assets.core.errors import ProjectError
from mlops_assets.core.names import PROVENANCE
from mlops_assets.core.sql_quoting import literal, quoted, quoted_list

_NOT_DETERMINISTIC = {
    *("now", "today", "current_date", "current_timestamp", "localtimestamp", "get_current_timestamp"),
    *("random", "setseed", "uuid", "gen_random_uuid", "uuidv4", "uuidv7"),
}
"""Functions whose result differs between runs; results must depend on the rows alone."""
_OUTSIDE = re.compile(
    r"read_\w+|glob|\w+_scan|sniff_csv|parquet_\w+|query|query_table|getenv|duckdb_\w+|pragma_\w+",
    re.IGNORECASE,
)
"""Functions that read more than the tables of the project."""
_INFINITE = re.compile(r"\w+ \S+ is infinite where .*")
_KEYWORDS = {"current_date", "current_timestamp", "localtimestamp"}
"""Functions that are called without parentheses."""


@dataclass(frozen=True)
class ProjectQuery:
    """One SELECT.

    Attributes
    ----------
    hidden
        Columns that the query can't read: the target.
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
        query = self.parsed(connection)
        try:
            return connection.query(query)
        except duckdb.Error as error:
            raise self.error_for(error) from error

    def parsed(self, connection: duckdb.DuckDBPyConnection) -> str:
        """The query with its placeholders replaced; it is parsed, not run.

        Raises
        ------
        ProjectError
            When the text is not a single query, is not deterministic, or reads more than the tables.
        """
        pieces = list(self._pieces())
        try:
            statements = connection.extract_statements("".join(pieces))
        except duckdb.Error as error:
            raise self.error_for(error) from error
        if [statement.type for statement in statements] != [duckdb.StatementType.SELECT]:
            raise ProjectError(f"{self.subject} is not one query", hint="write a single SELECT statement")
        # Without its semicolon: DuckDB puts relations into parentheses.
        return "".join(pieces[: pieces.index(";") if ";" in pieces else None])

    def error_for(self, error: duckdb.Error) -> ProjectError:
        """The error for a query that failed when it was parsed, planned or computed."""
        reason = str(error).strip()
        if infinite := _INFINITE.search(reason):
            return ProjectError(
                f"{self.subject}: {infinite[0]}",
                hint="if it is a division by zero, write x / nullif(y, 0), which is null",
            )
        hint = "correct the query; its tables have the names declared in defs.yaml"
        if any(f'"{name}"' in reason for name in self.hidden):
            hint = f"{', '.join(self.hidden)} is the target, which features.sql can't read"
        return ProjectError(f"{self.subject}: {reason}", hint=hint)

    def _pieces(self) -> Iterator[str]:
        """The text of the query with placeholders as literals; a semicolon is a separate piece."""
        tokens = [*_tokens(self.sql), ("", False)]
        expanded, before = False, ""
        for (token, is_code), (following, _) in pairwise(tokens):
            word = token.strip()
            if expanded:  # the name behind a $
                expanded = False
            elif before in ("from", "join") and word[:1] in "'\"" and set(word) & set("./\\*"):
                raise self._outside(word)
            elif not is_code:
                yield token
            elif word == "$":
                yield self._timestamp(following.strip()) + " "
                expanded = True
            else:
                self._reject_not_deterministic(word.lower(), following)
                self._reject_outside(word, following)
                yield word if word == ";" else token
            before = word.lower() if is_code or word.startswith("'") else before

    def _timestamp(self, name: str) -> str:
        if name not in self.timestamps:
            known = ", ".join(f"${known}" for known in self.timestamps) or "none, as it has no partitions"
            raise ProjectError(
                f"{self.subject}: unknown placeholder ${name}", hint=f"available placeholders: {known}"
            )
        return f"timestamp {literal(self.timestamps[name])}"

    def _reject_outside(self, word: str, following: str) -> None:
        if following.startswith("(") and _OUTSIDE.fullmatch(word):
            raise self._outside(word)

    def _outside(self, what: str) -> ProjectError:
        return ProjectError(
            f"{self.subject}: {what} reads data outside the tables of the project",
            hint="declare the data as a table in defs.yaml",
        )

    def _reject_not_deterministic(self, word: str, following: str) -> None:
        if word in _NOT_DETERMINISTIC and (word in _KEYWORDS or following.startswith("(")):
            raise ProjectError(
                f"{self.subject}: {word} is not deterministic and is not allowed",
                hint="use $as_of in an event project; otherwise compute from the rows alone",
            )


def finite_sql(what: str, name: str, key: Sequence[str]) -> str:
    """A column as DOUBLE; an infinite value ends the query with an error.

    Parameters
    ----------
    what
        Role of the column, for the message: `feature` or `target`.
    key
        Columns that identify the row, for the message.
    """
    number = f"{quoted(name)}::double"
    message = literal(f"{what} {name} is infinite where {', '.join(key)} is ")
    row = " || ', ' || ".join(f"coalesce({quoted(column)}::varchar, 'null')" for column in key)
    return f"case when isinf({number}) then error({message} || {row}) else {number} end"


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
