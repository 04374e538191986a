"""Typed columns: how a source's values become the values of a contract.

Holds: `Column` and its casts in SQL, which training and serving share.
Add here: another type that a table can hold.
Not here: rules (`contracts.py`); this module must stay light, for every loaded model imports it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from mlops_assets.sql import quoted

SqlType = Literal["BIGINT", "DOUBLE", "BOOLEAN", "TIMESTAMP", "DATE", "VARCHAR"]


@dataclass(frozen=True)
class Column:
    """One column of a contract.

    Attributes
    ----------
    nullable
        Whether a row may lack the value.
    required
        Whether the source must have the column; one that it lacks is all null.
    """

    name: str
    sql_type: SqlType
    nullable: bool = True
    required: bool = True
    description: str = ""

    def cast_sql(self) -> str:
        """The typed value of a source's column, null when there is none: NaN is null, 3.5 is no integer."""
        raw = quoted(self.name)
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
        return f"try_cast({raw} as {self.sql_type.lower()})"

    def is_null_sql(self) -> str:
        """Whether the source has no value; in a number, the text NaN is none."""
        raw = quoted(self.name)
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
