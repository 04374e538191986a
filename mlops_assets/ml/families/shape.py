"""The shape of training rows that makes trees of usual depth slow, and no better."""

from mlops_assets.ml.wide_queries import MANY_COLUMNS

_ROWS_A_COLUMN = 5


def is_wide(rows: int, columns: int) -> bool:
    """Whether rows have many columns, and there are fewer than five rows for each column."""
    return columns > MANY_COLUMNS and rows < _ROWS_A_COLUMN * columns
