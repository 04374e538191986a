"""DateParts: numeric features of dates."""

from collections.abc import Sequence
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin

from mlops_assets.core.errors import DataError

_DAY = 86_400.0


class DateParts(TransformerMixin, BaseEstimator):
    """Split dates into the day, the time of the year and the day of the week.

    `features.sql` returns dates as text (`ordered_at::varchar`). The time of the year and the day of the week
    are encoded as sine and cosine, so that December is close to January; the days since 1970 can express a
    trend.

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
        """Store the number of columns; there are no fitted parameters."""
        self.n_features_in_ = pd.DataFrame(dates).shape[1]
        return self

    def transform(self, dates: pd.DataFrame | NDArray) -> NDArray:
        """Five columns for each column of dates, shape `(n, 5 * columns)`; NaN for missing dates.

        Raises
        ------
        DataError
            When a value is not a date.
        """
        return np.column_stack([_parts(column, str(name)) for name, column in pd.DataFrame(dates).items()])

    def get_feature_names_out(self, input_features: Sequence[str] | None = None) -> NDArray:
        """Names such as `day_day`, `day_year_sin`, `day_week_cos`."""
        named = [f"x{place}" for place in range(self.n_features_in_)]
        given = named if input_features is None else list(input_features)
        parts = ("day", "year_sin", "year_cos", "week_sin", "week_cos")
        return np.array([f"{name}_{part}" for name in given for part in parts], dtype=object)


def _parts(column: pd.Series, name: str) -> NDArray:
    parsed = pd.to_datetime(column, errors="coerce", utc=True, format="ISO8601")
    wrong = column[parsed.isna() & column.notna()]
    if len(wrong):
        raise DataError(
            f"DateParts: {name} is {wrong.iloc[0]!r}, which is not a date",
            hint="write dates as 2025-03-31 or 2025-03-31 14:05, and missing dates as null",
        )
    days = (parsed - pd.Timestamp(0, tz="UTC")).dt.total_seconds().to_numpy(dtype=float) / _DAY
    year = 2 * np.pi * parsed.dt.dayofyear.to_numpy(dtype=float) / 365.25
    week = 2 * np.pi * parsed.dt.dayofweek.to_numpy(dtype=float) / 7
    return np.column_stack([days, np.sin(year), np.cos(year), np.sin(week), np.cos(week)])
