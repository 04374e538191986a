"""DateParts: numeric features of dates."""

from collections.abc import Sequence
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from mlops_assets.core.errors import DataError

_EPOCH, _WEEKDAY_OF_EPOCH = np.datetime64("1970-01-01"), 3  # a Thursday
_PARTS = ("day", "year_sin", "year_cos", "week_sin", "week_cos")
_TIME_PARTS = ("time_sin", "time_cos")


class DateParts(TransformerMixin, BaseEstimator):
    """Split dates into the day, the time of the year, the day of the week and the time of day.

    Dates are dates, timestamps in UTC, or text in ISO 8601. The days since 1970 can express a trend. The
    others are encoded as sine and cosine, so that December is close to January; the time of day only of
    columns that have one in the training rows.

    Examples
    --------
    >>> import pandas as pd
    >>> parts = DateParts().fit_transform(pd.DataFrame({"day": ["1970-01-02", None]}))
    >>> parts[0].round(2)
    array([ 1.  ,  0.03,  1.  , -0.43, -0.9 ])
    >>> import numpy as np
    >>> bool(np.isnan(parts[1]).all())
    True
    """

    def fit(self, dates: pd.DataFrame | NDArray, target: ArrayLike | None = None) -> Self:  # noqa: ARG002
        """Store the number of columns, and which of them have a time of day."""
        frame = pd.DataFrame(dates)
        self.n_features_in_ = frame.shape[1]
        self.timed_ = [_has_time(_parsed(column, str(name))) for name, column in frame.items()]
        return self

    def transform(self, dates: pd.DataFrame | NDArray) -> NDArray:
        """Five columns for each column of dates, seven with a time of day; NaN for missing dates.

        Raises
        ------
        DataError
            When a value is not a date.
        """
        check_is_fitted(self, "n_features_in_")
        columns = zip(pd.DataFrame(dates).items(), self._timed, strict=True)
        return np.column_stack(
            [_parts(_parsed(column, str(name)), timed) for (name, column), timed in columns]
        )

    def get_feature_names_out(self, input_features: Sequence[str] | None = None) -> NDArray:
        """Names such as `day_day`, `day_year_sin`, `day_week_cos`, `day_time_sin`."""
        named = [f"x{place}" for place in range(self.n_features_in_)]
        given = named if input_features is None else list(input_features)
        return np.array(
            [
                f"{name}_{part}"
                for name, timed in zip(given, self._timed, strict=True)
                for part in (*_PARTS, *(_TIME_PARTS if timed else ()))
            ],
            dtype=object,
        )

    @property
    def _timed(self) -> list[bool]:
        """Which columns have a time of day; none in models that were saved before it was encoded."""
        return getattr(self, "timed_", [False] * self.n_features_in_)


def _parsed(column: pd.Series, name: str) -> NDArray[np.datetime64]:
    """Times in UTC in microseconds, NaT for missing ones."""
    if column.dtype.kind == "M" and not isinstance(column.dtype, pd.DatetimeTZDtype):
        return column.to_numpy(dtype="datetime64[us]")
    parsed = pd.to_datetime(column, errors="coerce", utc=True, format="ISO8601")
    wrong = column[parsed.isna() & column.notna()]
    if len(wrong):
        raise DataError(
            f"DateParts: {name} is {wrong.iloc[0]!r}, which is not a date",
            without_values=f"DateParts: {name} has values that are not dates",
            hint="write dates as 2025-03-31 or 2025-03-31 14:05, and missing dates as null",
        )
    return parsed.dt.tz_localize(None).to_numpy(dtype="datetime64[us]")


def _has_time(times: NDArray[np.datetime64]) -> bool:
    known = times[~np.isnat(times)]
    return bool((known != known.astype("datetime64[D]")).any())


def _parts(times: NDArray[np.datetime64], timed: bool) -> NDArray:
    dates = times.astype("datetime64[D]")
    day_of_year = _days(dates - dates.astype("datetime64[Y]").astype("datetime64[D]")) + 1
    days = _days(times - _EPOCH)
    weekday = (np.floor(days) + _WEEKDAY_OF_EPOCH) % 7
    turns = [day_of_year / 365.25, weekday / 7, *([days % 1] if timed else [])]
    return np.column_stack([days, *(wave(2 * np.pi * turn) for turn in turns for wave in (np.sin, np.cos))])


def _days(difference: NDArray[np.timedelta64]) -> NDArray[np.float64]:
    return difference / np.timedelta64(1, "D")  # NaN for NaT
