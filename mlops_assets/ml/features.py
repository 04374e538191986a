"""Features are SQL: the same query in training, in scoring and in serving.

Holds: `FeatureQuery`, which runs a project's `features.sql` over its tables.
Add here: what every run of `features.sql` must keep.
Not here: steps that learn from data; they are scikit-learn transformers in a project's `pipeline.py`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import duckdb

from mlops_assets.errors import ProjectError
from mlops_assets.names import PROVENANCE, ROW_ID
from mlops_assets.sql import quoted, quoted_list

_NUMBER = re.compile(
    r"U?(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)|DOUBLE|FLOAT|BOOLEAN|DECIMAL\(\d+,\d+\)|BIGNUM"
)
_TEXT = re.compile(r"VARCHAR|ENUM\([^\[]*\)")


@dataclass(frozen=True)
class FeatureQuery:
    """A project's `features.sql`.

    Attributes
    ----------
    sql
        One SELECT over the project's tables by their names. It keeps `row_id`, and returns one row for each.
    hidden
        Columns that it must not see: the target.
    subject
        Project and file, for messages.
    """

    sql: str
    hidden: tuple[str, ...]
    subject: str

    def run(
        self, connection: duckdb.DuckDBPyConnection, tables: Mapping[str, duckdb.DuckDBPyRelation]
    ) -> duckdb.DuckDBPyRelation:
        """The features of rows, lazily: `row_id`, numbers as DOUBLE, text as VARCHAR.

        Parameters
        ----------
        tables
            Valid rows with `row_id` by the names that the query calls them.

        Raises
        ------
        ProjectError
            When the query can't be run, lacks `row_id`, or returns a type that is no feature.
        """
        for name, relation in tables.items():
            left_out = [column for column in relation.columns if column in (*self.hidden, *PROVENANCE)]
            visible = f"* exclude ({quoted_list(left_out)})" if left_out else "*"
            relation.project(visible).create_view(name, replace=True)
        try:
            statements = connection.extract_statements(self.sql)
            if [statement.type for statement in statements] != [duckdb.StatementType.SELECT]:
                raise ProjectError(f"{self.subject} is not one query", hint="write one SELECT, and only that")
            result = connection.query(self._without_semicolon())
        except duckdb.Error as error:
            raise self.fault(error) from error
        if ROW_ID not in result.columns:
            raise ProjectError(
                f"{self.subject} does not return {ROW_ID}", hint=f"select {ROW_ID} beside the features"
            )
        return result.project(", ".join([quoted(ROW_ID), *self._typed(result)]))

    def _without_semicolon(self) -> str:
        """The query up to its semicolon, if it has one: DuckDB puts relations into parentheses."""
        encoded = self.sql.encode()
        ends = (place for place, _ in duckdb.tokenize(self.sql) if encoded[place : place + 1] == b";")
        return encoded[: next(ends, None)].decode()

    def _typed(self, result: duckdb.DuckDBPyRelation) -> list[str]:
        typed = []
        for name, kind in zip(result.columns, map(str, result.types), strict=True):
            if name == ROW_ID:
                continue
            if _NUMBER.fullmatch(kind):
                typed.append(f"{quoted(name)}::double as {quoted(name)}")
            elif _TEXT.fullmatch(kind):
                typed.append(f"{quoted(name)}::varchar as {quoted(name)}")
            else:
                raise ProjectError(
                    f"{self.subject}: feature {name} has the type {kind}; a feature is a number or text",
                    hint="turn it into numbers, such as date_diff('day', day, date '2020-01-01')",
                )
        if not typed:
            raise ProjectError(f"{self.subject} returns no feature", hint="select columns beside row_id")
        return typed

    def fault(self, error: duckdb.Error) -> ProjectError:
        """The error for a query that failed, at once or while its rows were computed."""
        reason = str(error).strip()
        hint = "mend the query; the tables are seen under their names in defs.yaml, with row_id"
        if any(f'"{name}"' in reason for name in self.hidden):
            hint = f"{', '.join(self.hidden)} is the target, which features.sql never sees"
        return ProjectError(f"{self.subject}: {reason}", hint=hint)
