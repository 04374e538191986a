"""The kind of a column of features, which decides how `TableEncoder` encodes it."""

from collections.abc import Mapping
from typing import Literal

import pandas as pd
from pandas.api.types import is_datetime64_any_dtype, is_numeric_dtype

from mlops_assets.core.errors import ProjectError
from mlops_assets.core.text.suggestions import suggest_name
from mlops_assets.ml.encodings import FEW_VALUES, MANY_VALUES, ROWS_A_VALUE, Encoding

Kind = Literal["number", "one_hot", "target", "frequency", "text", "date"]
"""An encoding, or a number that stays as it is."""
_HINT = "correct preprocessing.encode in defs.yaml, or the argument of TableEncoder in pipeline.py"


def column_kinds(
    frame: pd.DataFrame,
    *,
    encode: Mapping[str, Encoding],
    few_values: int = FEW_VALUES,
    many_values: int = MANY_VALUES,
) -> dict[str, Kind]:
    """The kind of each column of training rows.

    Parameters
    ----------
    encode
        Declared encodings by column; the others are chosen by type and values.
    few_values, many_values
        Maximum number of distinct texts of a column for one-hot encoding, and for target encoding. A column
        of more texts, or with fewer than two rows per text, is free text.

    Raises
    ------
    ProjectError
        When a declared column does not exist, or its values can't be encoded so.

    Examples
    --------
    >>> rows = pd.DataFrame({"size": [1.0, 2.0], "shop": ["Ely", "Rye"], "note": ["a", "b"]})
    >>> column_kinds(rows, encode={"note": "text"})
    {'size': 'number', 'shop': 'one_hot', 'note': 'text'}
    """
    for name, encoding in encode.items():
        if name not in frame:
            raise ProjectError(
                f"encode names {name!r}, which is not a feature; "
                f"{suggest_name(name, map(str, frame.columns))}",
                hint=_HINT,
            )
        _require_encodable(frame[name], name, encoding)
    return {
        str(name): encode.get(str(name)) or _kind(column, few_values, many_values)
        for name, column in frame.items()
    }


def _kind(column: pd.Series, few_values: int, many_values: int) -> Kind:
    if is_numeric_dtype(column):
        return "number"
    if is_datetime64_any_dtype(column):
        return "date"
    distinct = column.nunique()
    if distinct <= few_values:
        return "one_hot"
    repeated = distinct * ROWS_A_VALUE <= column.count()
    return "target" if repeated and distinct <= many_values else "text"


def _require_encodable(column: pd.Series, name: str, encoding: Encoding) -> None:
    """Reject text and dates of numbers, and text of dates."""
    is_number, is_date = is_numeric_dtype(column), is_datetime64_any_dtype(column)
    if (is_number and encoding in ("text", "date")) or (is_date and encoding == "text"):
        found = "numbers" if is_number else "timestamps"
        raise ProjectError(
            f"encode has {name}: {encoding}, but the values of {name} are {found}",
            hint=f"cast {name} to text in features.sql, or choose another encoding",
        )
