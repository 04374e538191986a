"""Profile of a column: type, missing values and range, and what its name and values make of it."""

import re
from dataclasses import dataclass

from mlops_assets.ml.contracts.columns import SqlType

MAX_VALUES = 20
"""Maximum number of distinct values that are listed."""
_LEAST_ROWS = 10
"""Minimum number of rows for consecutive integers to be taken for row numbers."""
_NEARLY_ALL = 0.9
_ID = re.compile(
    r"(?i:(^|[_\W])(id|uuid|guid)$)|[a-z](ID|Id|UUID|GUID)$|"
    r"(?i:^(subject|patient|customer|client|user|member|account|player|student|pupil|household|device|machine|"
    r"vehicle|session|participant|respondent|person|order|invoice)[_\W]?(no|nr|num|number|key)$)"
)
"""`id`, `order_id`, `customerID`, `orderId`, `patient_no`; not `paid`."""


@dataclass(frozen=True)
class ColumnProfile:
    """Profile of a column.

    Attributes
    ----------
    rows
        Number of rows.
    nulls
        Number of rows without a value.
    distinct
        Number of distinct values; approximate above 1,000, unless every row may have its own.
    least, greatest
        Minimum and maximum, as text; empty without values.
    values
        Distinct values with their number of rows, sorted, if there are at most `MAX_VALUES`.
    """

    name: str
    sql_type: SqlType
    rows: int
    nulls: int
    distinct: int
    least: str
    greatest: str
    values: dict[str, int]

    @property
    def is_number(self) -> bool:
        return self.sql_type in ("BIGINT", "DOUBLE")

    @property
    def is_long_integer(self) -> bool:
        """Whether there are integers that a double does not hold exactly."""
        ends = (self.least, self.greatest)
        return self.sql_type == "BIGINT" and any(abs(int(end)) > 2**53 for end in ends if end)

    @property
    def is_key(self) -> bool:
        """Whether the column identifies a row, by its name and its values."""
        return self._is_named_id and self.is_unique

    @property
    def is_unique(self) -> bool:
        """Whether each row has a value of its own."""
        return self.nulls == 0 and self.distinct == self.rows

    @property
    def is_entity(self) -> bool:
        """Whether the column identifies something that has several rows, by its name and its values."""
        return (
            self._is_named_id
            and self.sql_type in ("BIGINT", "VARCHAR")
            and not self.is_key
            and self.distinct > 2
        )

    @property
    def is_name(self) -> bool:
        """Whether nearly each row has a word of its own, such as a key or a zip code."""
        words = [*self.least.split(), *self.greatest.split()]
        filled = self.rows - self.nulls
        differs = filled > MAX_VALUES and self.distinct > _NEARLY_ALL * filled
        return self.sql_type == "VARCHAR" and differs and len(words) <= 2

    @property
    def is_row_number(self) -> bool:
        """Whether the values are consecutive integers, each of which occurs once."""
        if self.sql_type != "BIGINT" or self.nulls or self.distinct != self.rows or self.rows < _LEAST_ROWS:
            return False
        return int(self.greatest) - int(self.least) == self.rows - 1

    @property
    def _is_named_id(self) -> bool:
        return _ID.search(self.name) is not None
