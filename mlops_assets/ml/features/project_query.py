"""A project's SQL: one SELECT over its tables, with the moments that it may ask for."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

import duckdb

from mlops_assets.core.errors import ProjectError
from mlops_assets.core.names import PROVENANCE
from mlops_assets.core.sql_quoting import literal, quoted, quoted_list

_CHANGING = {
    *("now", "today", "current_date", "current_timestamp", "localtimestamp", "get_current_timestamp"),
    *("random", "setseed", "uuid", "gen_random_uuid", "uuidv4", "uuidv7"),
}
"""Functions whose result is another one tomorrow; what is computed must follow from the rows alone."""
_OUTSIDE = re.compile(
    r"read_\w+|glob|\w+_scan|sniff_csv|parquet_\w+|query|query_table|getenv|duckdb_\w+|pragma_\w+",
    re.IGNORECASE,
)
"""Functions that see more than the tables."""
_INFINITE = re.compile(r"\w+ \S+ is infinite where .*")
_KEYWORDS = {"current_date", "current_timestamp", "localtimestamp"}
"""Those that are written without parentheses."""


@dataclass(frozen=True)
class ProjectQuery:
    """One SELECT.

    Attributes
    ----------
    hidden
        Columns that it must not see: the target.
    moments
        What it may write as `$as_of`, by name.
    subject
        Project and file, for messages.
    """

    sql: str
    subject: str
    hidden: tuple[str, ...] = ()
    moments: Mapping[str, datetime] = field(default_factory=dict)

    def run(
        self, connection: duckdb.DuckDBPyConnection, tables: Mapping[str, duckdb.DuckDBPyRelation]
    ) -> duckdb.DuckDBPyRelation:
        """The result, lazily.

        Parameters
        ----------
        tables
            Rows by the names that the query calls them; provenance and hidden columns are left out.

        Raises
        ------
        ProjectError
            When it is no single query, or can't be run.
        """
        for name, relation in tables.items():
            left_out = [column for column in relation.columns if column in (*self.hidden, *PROVENANCE)]
            visible = f"* exclude ({quoted_list(left_out)})" if left_out else "*"
            relation.project(visible).create_view(name, replace=True)
        query = self.parsed(connection)
        try:
            return connection.query(query)
        except duckdb.Error as error:
            raise self.fault(error) from error

    def parsed(self, connection: duckdb.DuckDBPyConnection) -> str:
        """The query with its moments, once it was found to be one; nothing is run.

        Raises
        ------
        ProjectError
            When it is no single query, or asks for what no query may.
        """
        pieces = list(self._pieces())
        try:
            statements = connection.extract_statements("".join(pieces))
        except duckdb.Error as error:
            raise self.fault(error) from error
        if [statement.type for statement in statements] != [duckdb.StatementType.SELECT]:
            raise ProjectError(f"{self.subject} is not one query", hint="write one SELECT, and only that")
        # Up to its semicolon, if it has one: DuckDB puts relations into parentheses.
        return "".join(pieces[: pieces.index(";") if ";" in pieces else None])

    def fault(self, error: duckdb.Error) -> ProjectError:
        """The error for a query that failed, at once or while its rows were computed."""
        reason = str(error).strip()
        if infinite := _INFINITE.search(reason):
            return ProjectError(
                f"{self.subject}: {infinite[0]}",
                hint="where it is a division by zero, write x / nullif(y, 0), which is null there",
            )
        hint = "mend the query; the tables are seen under their names in defs.yaml"
        if any(f'"{name}"' in reason for name in self.hidden):
            hint = f"{', '.join(self.hidden)} is the target, which features.sql never sees"
        return ProjectError(f"{self.subject}: {reason}", hint=hint)

    def _pieces(self) -> Iterator[str]:
        """The query's text with its moments as literals; a semicolon is a piece of its own."""
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
                yield self._moment(following.strip()) + " "
                expanded = True
            else:
                self._refuse_changing(word.lower(), following)
                self._refuse_outside(word, following)
                yield word if word == ";" else token
            before = word.lower() if is_code or word.startswith("'") else before

    def _moment(self, name: str) -> str:
        if name not in self.moments:
            known = ", ".join(f"${known}" for known in self.moments) or "none: it has no partitions"
            raise ProjectError(f"{self.subject}: there is no ${name}", hint=f"a query may write {known}")
        return f"timestamp {literal(self.moments[name])}"

    def _refuse_outside(self, word: str, following: str) -> None:
        if following.startswith("(") and _OUTSIDE.fullmatch(word):
            raise self._outside(word)

    def _outside(self, what: str) -> ProjectError:
        return ProjectError(
            f"{self.subject}: {what} reads something else than the project's tables",
            hint="declare it as a table in defs.yaml, so that it is validated, and known when it was known",
        )

    def _refuse_changing(self, word: str, following: str) -> None:
        if word in _CHANGING and (word in _KEYWORDS or following.startswith("(")):
            raise ProjectError(
                f"{self.subject}: {word} is another one at every run",
                hint="what is computed follows from the rows alone; an event project's query has $as_of",
            )


def finite_sql(what: str, name: str, key: Sequence[str]) -> str:
    """A column as DOUBLE; an infinite value, which nothing can be learned from, ends the query.

    Parameters
    ----------
    what
        What the column is, for the message: `feature` or `target`.
    key
        The columns that tell which row it is.
    """
    number = f"{quoted(name)}::double"
    told = literal(f"{what} {name} is infinite where {', '.join(key)} is ")
    who = " || ', ' || ".join(f"coalesce({quoted(column)}::varchar, 'null')" for column in key)
    return f"case when isinf({number}) then error({told} || {who}) else {number} end"


def _tokens(sql: str) -> Iterator[tuple[str, bool]]:
    """The pieces of a text, white space at their ends, and whether each is code: no comment, no string."""
    encoded = sql.encode()
    found = list(duckdb.tokenize(sql))
    ends = [*(place for place, _ in found), len(encoded)][1:]
    if found and found[0][0]:
        yield encoded[: found[0][0]].decode(), False
    for (start, kind), end in zip(found, ends, strict=True):
        code = kind not in (duckdb.token_type.comment, duckdb.token_type.string_const)
        yield encoded[start:end].decode(), code
