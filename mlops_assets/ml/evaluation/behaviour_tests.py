"""Behavioural tests: invariance, directional expectation and example tests of a fitted model.

The three kinds follow Ribeiro et al. 2020, Beyond Accuracy: Behavioral Testing of NLP Models with CheckList.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from mlops_assets.ml.evaluation.model_under_test import ModelUnderTest
from mlops_assets.ml.model.model_spec import Label
from mlops_assets.ml.number_format import number, share_text

Severity = Literal["warn", "error"]
MAX_ROWS = 2_000
"""Maximum number of holdout rows of an invariance or direction test."""
_MAX_VALUES = 8
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class Invariance:
    """Changing a column must not change the prediction.

    Attributes
    ----------
    at_most
        The largest allowed change of a prediction, in the reported unit or as a probability.
    values
        The values that the column is set to; if empty, values that occur in it.
    by
        The amount that is added to and subtracted from a numeric column instead of setting it to values;
        None if it is set.
    share
        The share of rows that must pass.
    """

    name: str
    column: str
    at_most: float
    values: tuple[Label, ...] = ()
    by: float | None = None
    share: float = 1.0
    severity: Severity = "warn"


@dataclass(frozen=True)
class Direction:
    """Increasing a column must raise, or lower, the prediction.

    Attributes
    ----------
    by
        The amount that is added to the column; positive.
    share
        The share of rows that must pass.
    tolerance
        The largest allowed change in the opposite direction, in the unit of `Invariance.at_most`.
    of_class
        The class whose probability is tested; None in regression, and for the second of two classes.
    """

    name: str
    column: str
    by: float
    prediction: Literal["rises", "falls"]
    share: float = 1.0
    tolerance: float = 0.0
    of_class: Label | None = None
    severity: Severity = "warn"


@dataclass(frozen=True)
class Example:
    """A row whose prediction is known: a class, or a range of values.

    Attributes
    ----------
    row
        The input of the model; columns that are left out are missing values.
    label
        The expected class; None if a range is expected.
    low, high
        The expected range, in the reported unit or as a probability; infinite where it is open.
    of_class
        As in `Direction`.
    """

    name: str
    row: Mapping[str, Any]
    label: Label | None = None
    low: float = -np.inf
    high: float = np.inf
    of_class: Label | None = None
    severity: Severity = "warn"


BehaviourTest = Invariance | Direction | Example


@dataclass(frozen=True)
class BehaviourResult:
    """The result of one test.

    Attributes
    ----------
    asked, found
        The expected and the observed behaviour, as clauses without a full stop.
    rows
        Number of rows that were tested.
    holding
        The share of these rows that passed.
    """

    name: str
    kind: Literal["invariance", "direction", "example"]
    severity: Severity
    passed: bool
    asked: str
    found: str
    rows: int
    holding: float


def evaluate_behaviour(
    tests: Sequence[BehaviourTest],
    model: ModelUnderTest,
    rows: pd.DataFrame,
    *,
    seed: int,
    sensitive: Collection[str] = (),
) -> list[BehaviourResult]:
    """Run behavioural tests on a model.

    Parameters
    ----------
    rows
        Model inputs for the invariance and direction tests; at most `MAX_ROWS` of them are sampled.
    sensitive
        Columns whose values the results do not quote.
    """
    sample = rows.sample(min(MAX_ROWS, len(rows)), random_state=seed).reset_index(drop=True)
    return [_result_of(test, model, sample, sensitive) for test in tests]


def _result_of(
    test: BehaviourTest, model: ModelUnderTest, rows: pd.DataFrame, sensitive: Collection[str]
) -> BehaviourResult:
    match test:
        case Invariance():
            return _invariance(test, model, rows, sensitive)
        case Direction():
            return _direction(test, model, rows)
        case Example():
            return _example(test, model, sensitive)


def _invariance(
    test: Invariance, model: ModelUnderTest, rows: pd.DataFrame, sensitive: Collection[str]
) -> BehaviourResult:
    before, largest = model.outputs(rows), np.zeros(len(rows))
    column = rows[test.column]
    if test.by is not None:
        settings: list[Any] = [column + test.by, column - test.by]
        change = f"shifting {test.column} by ±{test.by:g}"
    else:
        settings = list(test.values or _values_of(column))
        listed = f"{len(settings)} values" if test.column in sensitive else _listed(settings)
        change = f"setting {test.column} to {listed}"
    for setting in settings:
        changes = np.abs(model.outputs(rows.assign(**{test.column: setting})) - before)
        largest = np.maximum(largest, changes if changes.ndim == 1 else changes.max(axis=1))
    passing = float(np.mean(largest <= test.at_most)) if len(rows) else 1.0
    expected = f"{change} changes the prediction by at most {model.format_declared(test.at_most)}"
    return BehaviourResult(
        name=test.name,
        kind="invariance",
        severity=test.severity,
        passed=passing >= test.share,
        asked=expected + _required_share(test.share),
        found=f"{share_text(passing)} of the rows pass; largest change "
        f"{model.format_measured(float(largest.max(initial=0.0)))}, median "
        f"{number(float(np.median(largest)))}",
        rows=len(rows),
        holding=passing,
    )


def _direction(test: Direction, model: ModelUnderTest, rows: pd.DataFrame) -> BehaviourResult:
    rows = rows[rows[test.column].notna()].reset_index(drop=True)
    increased = rows.assign(**{test.column: rows[test.column] + test.by})
    sign = 1.0 if test.prediction == "rises" else -1.0
    changes = sign * (model.outputs(increased, test.of_class) - model.outputs(rows, test.of_class))
    passing = float(np.mean(changes >= -test.tolerance)) if len(rows) else 0.0
    mean = float(changes.mean()) if len(rows) else 0.0
    verb = "raises" if test.prediction == "rises" else "lowers"
    output = _output_name(test.of_class)
    expected = f"increasing {test.column} by {test.by:g} {verb} {output}"
    if test.tolerance:
        expected += f", with a tolerance of {model.format_declared(test.tolerance)}"
    observed = "rises by" if sign * mean > 0 else "falls by"
    return BehaviourResult(
        name=test.name,
        kind="direction",
        severity=test.severity,
        passed=passing >= test.share and mean > 0,
        asked=expected + _required_share(test.share),
        found=f"{share_text(passing)} of the rows pass; on average {output} "
        + (f"{observed} {model.format_measured(abs(mean))}" if mean else "does not change"),
        rows=len(rows),
        holding=passing,
    )


def _example(test: Example, model: ModelUnderTest, sensitive: Collection[str]) -> BehaviourResult:
    row = pd.DataFrame([dict(test.row)])
    if test.label is not None:
        predicted = model.predict_class(row)[0]
        passed = predicted == test.label
        expected, observed = f"the class is {test.label}", f"it is {predicted}"
    else:
        value = float(model.outputs(row, test.of_class)[0])
        passed = test.low <= value <= test.high
        expected = f"{_output_name(test.of_class)} is {_range(test, model)}"
        observed = f"it is {model.format_measured(value)}"
    quotable = [f"{name} {value}" for name, value in test.row.items() if name not in sensitive]
    values = _listed(quotable, 4, "and")
    return BehaviourResult(
        name=test.name,
        kind="example",
        severity=test.severity,
        passed=bool(passed),
        asked=f"for a row with {values}, {expected}",
        found=observed,
        rows=1,
        holding=float(passed),
    )


def _output_name(of_class: Label | None) -> str:
    return "the prediction" if of_class is None else f"the probability of {of_class}"


def _range(test: Example, model: ModelUnderTest) -> str:
    if np.isinf(test.high):
        return f"at least {model.format_declared(test.low)}"
    if np.isinf(test.low):
        return f"at most {model.format_declared(test.high)}"
    return f"between {test.low:g} and {model.format_declared(test.high)}"


def _values_of(column: pd.Series) -> tuple[Label, ...]:
    """Values that occur in a column: quantiles of numbers, otherwise the most frequent values."""
    known = column.dropna()
    if pd.api.types.is_numeric_dtype(known) and not pd.api.types.is_bool_dtype(known):
        found = np.unique(known.quantile(_QUANTILES, interpolation="nearest"))
        return tuple(found.tolist())
    return tuple(known.value_counts().index[:_MAX_VALUES].tolist())


def _listed(values: Sequence[Any], most: int = _MAX_VALUES, conjunction: str = "or") -> str:
    texts = [number(value) if isinstance(value, float) else str(value) for value in values[:most]]
    texts += [f"{len(values) - most} more"] if len(values) > most else []
    if len(texts) < 2:
        return texts[0] if texts else "no value"
    return f"{', '.join(texts[:-1])} {conjunction} {texts[-1]}"


def _required_share(share: float) -> str:
    return "" if share == 1.0 else f", for at least {share_text(share)} of the rows"
