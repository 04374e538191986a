"""Encoders of categories as tables from each known value to its columns of the matrix.

The tables are filled by the encoder itself, which is called once with every known value, a missing and an
unknown one.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, TargetEncoder

from mlops_assets.ml.rare_values import RareValues
from mlops_assets.ml.scoring.compiled.not_compiled import NotCompiledError
from mlops_assets.ml.transformers.frequency_encoder import FrequencyEncoder, as_text

_PER_COLUMN = (RareValues, SimpleImputer, OneHotEncoder, OrdinalEncoder, TargetEncoder, FrequencyEncoder)
"""Transformers whose output for a column depends on this column alone."""
_UNKNOWN = "an unknown value"
_MOST_VALUES = 20_000


@dataclass(frozen=True)
class _Table:
    """The columns of the matrix that a column of values decides.

    Attributes
    ----------
    places
        Places of these columns.
    known
        The row of `numbers` by value; that of a missing value is None.
    numbers
        Their numbers for each known value, and last those for all other values.
    refuses_others
        Whether the encoder raises an error for other values.
    """

    places: NDArray
    known: Mapping[Any, int]
    numbers: NDArray
    refuses_others: bool

    def write(self, values: NDArray, result: NDArray) -> None:
        """Write the numbers of values into a matrix."""
        find, other = self.known.get, len(self.known)
        rows = [find(None if value != value else value, other) for value in values.tolist()]
        if self.refuses_others and other in rows:
            raise NotCompiledError("an unknown value")
        if len(rows) == 1:  # a single row is copied in a third of the time
            result[0, self.places] = self.numbers[rows[0]]
        else:
            result[:, self.places] = self.numbers[rows]


def lookup(transformer: Any, names: tuple[str, ...]) -> Callable[[Mapping[str, NDArray]], NDArray]:
    """A fitted encoder of columns of text as tables.

    Raises
    ------
    NotCompiledError
        When it is no encoder of known values, or the columns of its output depend on several columns. A call
        raises it for columns that are not text, and for a value that the encoder refuses.
    """
    known = known_values(transformer, len(names))
    frames = [_varied(values, place, names) for place, values in enumerate(known)]
    matrix = _applied(transformer, pd.concat(frames, ignore_index=True), names)
    base, start, tables = matrix[0], 0, []
    for place, frame in enumerate(frames):
        part = matrix[start : start + len(frame)]
        tables.append(
            (names[place], _table(part, known[place], _with_unknown(transformer, frame, names, place)))
        )
        start += len(frame)
    decided = np.concatenate([table.places for _, table in tables])
    if len(np.unique(decided)) != len(decided):
        raise NotCompiledError("a column of the matrix depends on several columns")

    def encode(columns: Mapping[str, NDArray]) -> NDArray:
        result = np.tile(base, (len(columns[names[0]]), 1))
        for name, table in tables:
            if columns[name].dtype != object:
                raise NotCompiledError(f"{name} is no text")
            table.write(columns[name], result)
        return result

    return encode


def _steps(transformer: Any) -> Iterator[Any]:
    for step in (
        [step for _, step in transformer.steps] if isinstance(transformer, Pipeline) else [transformer]
    ):
        if not isinstance(step, _PER_COLUMN):
            raise NotCompiledError(type(step).__name__)
        yield step


def known_values(transformer: Any, columns: int) -> list[list[Any]]:
    """The texts that the steps know of each column; the first value is a missing one."""
    values: list[dict[Any, None]] = [{} for _ in range(columns)]
    for step in _steps(transformer):
        if isinstance(step, FrequencyEncoder | TargetEncoder):
            listed: Sequence[Any] = (
                step.categories_ if isinstance(step, TargetEncoder) else [texts for texts, _ in step.shares_]
            )
            found = [[str(text).removeprefix("=") for text in texts if text] for texts in listed]
        else:
            found = getattr(step, "categories_", None) or getattr(step, "kept_", None) or []
        if found and len(found) != columns:
            raise NotCompiledError("another number of columns")
        for place, each in enumerate(found):
            values[place].update((value, None) for value in each if isinstance(value, str))
    if sum(map(len, values)) > _MOST_VALUES or not any(values):
        raise NotCompiledError("too many values, or none")
    return [[None, *(value for value in each if value is not None)] for each in values]


def _varied(values: Sequence[Any], place: int, names: Sequence[str]) -> pd.DataFrame:
    """A frame with each value in one column, and missing values in the others."""
    texts = {name: [None] * len(values) for name in names} | {names[place]: list(values)}
    return pd.DataFrame({name: _objects(column) for name, column in texts.items()})


def _objects(values: Sequence[Any]) -> pd.Series:
    return pd.Series([np.nan if value is None else value for value in values], dtype=object)


def _applied(transformer: Any, frame: pd.DataFrame, names: Sequence[str]) -> NDArray:
    given: Any = frame
    if isinstance(transformer, TargetEncoder):  # as `TableEncoder` calls it
        given = np.column_stack([as_text(frame[name]).to_numpy(dtype=object) for name in names])
    try:
        found = transformer.transform(given)
    except Exception as error:
        raise NotCompiledError(f"{type(error).__name__}: {error}") from error
    return np.asarray(found.toarray() if hasattr(found, "toarray") else found, dtype=np.float64)


def _with_unknown(transformer: Any, frame: pd.DataFrame, names: Sequence[str], place: int) -> NDArray | None:
    """The numbers of a row with an unknown value in one column."""
    text = _UNKNOWN
    while (frame[names[place]] == text).any():
        text += "*"
    row = frame.iloc[:1].assign(**{names[place]: _objects([text])})
    try:
        return np.asarray(_applied(transformer, row, names)[0])
    except NotCompiledError:
        return None


def _table(part: NDArray, values: Sequence[Any], unknown: NDArray | None) -> _Table:
    rows = part if unknown is None else np.vstack([part, unknown])
    same = (rows == rows[0]) | (np.isnan(rows) & np.isnan(rows[0]))
    places = np.flatnonzero(~same.all(axis=0))
    known = {value: row for row, value in enumerate(values)}
    return _Table(places, known, rows[:, places], refuses_others=unknown is None)
