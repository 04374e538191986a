"""Typed columns: how a source's values become the values of a contract."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from mlops_assets.core.sql_quoting import literal, quoted

SqlType = Literal["BIGINT", "DOUBLE", "BOOLEAN", "TIMESTAMP", "DATE", "VARCHAR"]
PANDAS_TYPES: dict[SqlType, str] = {
    "BIGINT": "int64",
    "DOUBLE": "float64",
    "BOOLEAN": "bool",
    "TIMESTAMP": "datetime64[ns]",
    "DATE": "date",
    "VARCHAR": "object",
}
"""What a check sees of each type, and what a rule calls it; a date is a `datetime.date`."""


@dataclass(frozen=True)
class Column:
    """One column of a contract.

    Attributes
    ----------
    nullable
        Whether a row may lack the value.
    required
        Whether the source must have the column; one that it lacks is all null.
    decimal, thousands
        How the texts of a number are spelled: what comes before the fraction, and what groups digits by
        three, if anything. A value that comes as a number is what it is.
    """

    name: str
    sql_type: SqlType
    nullable: bool = True
    required: bool = True
    description: str = ""
    decimal: str = "."
    thousands: str = ""

    @property
    def has_marks(self) -> bool:
        """Whether its numbers are spelled otherwise than SQL spells them."""
        return (self.decimal, self.thousands) != (".", "")

    def declared(self) -> dict[str, Any]:
        """Its attributes, but for those that most columns don't have: models of old keep their digests."""
        left_out = () if self.has_marks else ("decimal", "thousands")
        return {name: value for name, value in asdict(self).items() if name not in left_out}

    def as_written(self, number: object) -> str:
        """A number as a text of this column."""
        return str(number).replace(".", self.decimal)

    def cast_sql(self) -> str:
        """The typed value of a source's column, null when there is none.

        NaN is null, 3.5 is no integer, and a time without end or outside of the years 1 to 9999 is none: no
        calendar but SQL's knows it.
        """
        raw = quoted(self.name)
        if self.has_marks and self.sql_type in ("DOUBLE", "BIGINT"):
            raw = self._plain_sql()
        match self.sql_type:
            case "DOUBLE":
                cast = f"try_cast({raw} as double)"
                return f"case when not isnan({cast}) then {cast} end"
            case "BIGINT":
                text, number = f"trim({raw}::varchar)", f"try_cast({raw} as double)"
                return (
                    f"case when regexp_full_match({text}, '[+-]?[0-9]+') then try_cast({text} as bigint) "
                    f"when {number} = floor({number}) then try_cast({number} as bigint) end"
                )
            case "VARCHAR":
                return f"{raw}::varchar"
            case "DATE" | "TIMESTAMP":
                cast = f"try_cast({raw} as {self.sql_type.lower()})"
                return f"case when year({cast}) between 1 and 9999 then {cast} end"
        return f"try_cast({raw} as {self.sql_type.lower()})"

    def _plain_sql(self) -> str:
        """The text of a number as SQL spells it; null where it is spelled otherwise than was declared."""
        raw = quoted(self.name)
        text = f"trim({raw}::varchar)"
        plain, group = f"replace({text}, {literal(self.decimal)}, '.')", ""
        unspelled = [mark for mark in (self.thousands, "." if self.decimal != "." else "") if mark]
        if self.thousands:
            thousands, decimal = re.escape(self.thousands), re.escape(self.decimal)
            pattern = f"[+-]?[0-9]{{1,3}}({thousands}[0-9]{{3}})+({decimal}[0-9]*)?([eE][+-]?[0-9]+)?"
            bare = f"replace({text}, {literal(self.thousands)}, '')"
            group = (
                f"when regexp_full_match({text}, {literal(pattern)}) "
                f"then replace({bare}, {literal(self.decimal)}, '.') "
            )
        wrong = " or ".join(f"contains({text}, {literal(mark)})" for mark in dict.fromkeys(unspelled))
        return (
            f"case when not regexp_matches(typeof({raw}), '^(VARCHAR|ENUM)') then {raw}::varchar "
            f"{group}when not ({wrong}) then {plain} end"
        )

    def is_null_sql(self, raw: str | None = None) -> str:
        """Whether the source has no value; in a number, the text NaN is none.

        Parameters
        ----------
        raw
            The source's value in SQL; by default the column of this name.
        """
        raw = raw or quoted(self.name)
        if self.sql_type in ("DOUBLE", "BIGINT"):
            return f"({raw} is null or lower(trim({raw}::varchar)) = 'nan')"
        return f"({raw} is null)"


def select_list(columns: Iterable[Column], available: Sequence[str]) -> str:
    """A select list that casts a source's columns; those that it lacks are null."""
    return ", ".join(
        f"{column.cast_sql() if column.name in available else f'null::{column.sql_type}'} "
        f"as {quoted(column.name)}"
        for column in columns
    )
