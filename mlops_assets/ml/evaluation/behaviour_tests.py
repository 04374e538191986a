"""Behavioural tests: what a model must do whatever its metrics say (Ribeiro et al. 2020)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.ml.metrics.tasks import Task
from mlops_assets.ml.model.tabular_model import Label
from mlops_assets.ml.number_format import number, share_text

Severity = Literal["warn", "error"]
MOST_ROWS = 2_000
"""Rows of the holdout that invariance and direction are tried on, at most."""
_MOST_VALUES = 8
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class Invariance:
    """A column must not move the prediction.

    Attributes
    ----------
    at_most
        How far a prediction may move, in the reported unit or as a probability.
    values
        What the column is set to; empty for values that it has.
    by
        How far the column, of numbers, is moved both ways, instead of being set; None where it is set.
    share
        The share of the rows that must hold.
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
    """More of a column raises, or lowers, the prediction.

    Attributes
    ----------
    by
        What is added to the column.
    tolerance
        How far a prediction may move the other way and still hold; as `Invariance.at_most`.
    of_class
        The class whose probability is meant; None in regression, and for the second of two classes.
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
    """A row whose prediction is known: its class, or the range that it must lie in.

    Attributes
    ----------
    row
        What a caller would send; columns that are left out have no value.
    label
        The class that must be predicted; None where a range is expected.
    low, high
        The range, in the reported unit or as a probability; infinite where it is open.
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
    """What came of one test.

    Attributes
    ----------
    asked, found
        What must hold, and what does: clauses for people.
    holding
        The share of the rows, or of the one row, that holds.
    """

    name: str
    kind: Literal["invariance", "direction", "example"]
    severity: Severity
    passed: bool
    asked: str
    found: str
    rows: int
    holding: float


@dataclass(frozen=True)
class Subject:
    """The fitted model as its callers meet it.

    Attributes
    ----------
    score
        From rows to predictions, as `Task` says.
    choose
        From rows to the class of each.
    unit_size
        How much of the target one reported unit is.
    """

    task: Task
    classes: Sequence[Label]
    unit: str
    unit_size: float
    score: Callable[[pd.DataFrame], NDArray]
    choose: Callable[[pd.DataFrame], Sequence[Label]]

    def amounts(self, rows: pd.DataFrame, of_class: Label | None = None) -> NDArray:
        """One number a row: the value in the reported unit, or the probability of a class."""
        predictions = self.score(rows)
        if self.task == "regression":
            return predictions / self.unit_size
        if self.task == "binary":
            first = of_class is not None and of_class == self.classes[0]
            return 1.0 - predictions if first else predictions
        return predictions[:, list(self.classes).index(of_class)] if of_class is not None else predictions

    def asked(self, amount: float) -> str:
        """An amount as it was declared."""
        return f"{amount:g}{self._unit_text}"

    def told(self, amount: float) -> str:
        """An amount that was measured."""
        return f"{number(amount)}{self._unit_text}"

    @property
    def _unit_text(self) -> str:
        return f" ({self.unit})" if self.task == "regression" and self.unit else ""


def run_behaviour(
    tests: Sequence[BehaviourTest], subject: Subject, rows: pd.DataFrame, *, seed: int
) -> list[BehaviourResult]:
    """Run all tests on one model.

    Parameters
    ----------
    rows
        What callers send, for invariance and direction; at most `MOST_ROWS` are drawn of them.
    """
    chosen = rows.sample(min(MOST_ROWS, len(rows)), random_state=seed).reset_index(drop=True)
    return [_result_of(test, subject, chosen) for test in tests]


def _result_of(test: BehaviourTest, subject: Subject, rows: pd.DataFrame) -> BehaviourResult:
    match test:
        case Invariance():
            return _invariance(test, subject, rows)
        case Direction():
            return _direction(test, subject, rows)
        case Example():
            return _example(test, subject)


def _invariance(test: Invariance, subject: Subject, rows: pd.DataFrame) -> BehaviourResult:
    before, moved = subject.amounts(rows), np.zeros(len(rows))
    column, changed = rows[test.column], f"moving {test.column}"
    if test.by is not None:
        settings: list[Any] = [column + test.by, column - test.by]
        changed += f" by {test.by:g} either way"
    else:
        settings = list(test.values or _values_of(column))
        changed = f"setting {test.column} to {_listed(settings)}"
    for setting in settings:
        move = np.abs(subject.amounts(rows.assign(**{test.column: setting})) - before)
        moved = np.maximum(moved, move if move.ndim == 1 else move.max(axis=1))
    holding = float(np.mean(moved <= test.at_most)) if len(rows) else 1.0
    asked = f"{changed} moves the prediction by at most "
    return BehaviourResult(
        name=test.name,
        kind="invariance",
        severity=test.severity,
        passed=holding >= test.share,
        asked=asked + subject.asked(test.at_most) + _of_rows(test.share),
        found=f"it holds for {share_text(holding)} of the rows; the largest move is "
        f"{subject.told(float(moved.max(initial=0.0)))}, the median {number(float(np.median(moved)))}",
        rows=len(rows),
        holding=holding,
    )


def _direction(test: Direction, subject: Subject, rows: pd.DataFrame) -> BehaviourResult:
    rows = rows[rows[test.column].notna()].reset_index(drop=True)
    more = rows.assign(**{test.column: rows[test.column] + test.by})
    sign = 1.0 if test.prediction == "rises" else -1.0
    moved = sign * (subject.amounts(more, test.of_class) - subject.amounts(rows, test.of_class))
    holding = float(np.mean(moved >= -test.tolerance)) if len(rows) else 0.0
    mean = float(moved.mean()) if len(rows) else 0.0
    whose = f"the probability of {test.of_class}" if test.of_class is not None else "the prediction"
    asked = f"{test.by:g} more of {test.column}: {whose} {test.prediction}"
    allowed = f", or moves the other way by at most {subject.asked(test.tolerance)}" if test.tolerance else ""
    verb = "rises" if sign * mean > 0 else "falls" if mean else "does not move"
    return BehaviourResult(
        name=test.name,
        kind="direction",
        severity=test.severity,
        passed=holding >= test.share and mean > 0,
        asked=asked + allowed + _of_rows(test.share),
        found=f"it holds for {share_text(holding)} of the rows; on average it {verb}"
        + (f" by {subject.told(abs(mean))}" if mean else ""),
        rows=len(rows),
        holding=holding,
    )


def _example(test: Example, subject: Subject) -> BehaviourResult:
    row = pd.DataFrame([dict(test.row)])
    if test.label is not None:
        predicted = subject.choose(row)[0]
        passed, asked, found = predicted == test.label, f"is predicted as {test.label}", f"it is {predicted}"
    else:
        amount = float(subject.amounts(row, test.of_class)[0])
        passed = test.low <= amount <= test.high
        whose = f"the probability of {test.of_class}" if test.of_class is not None else "the prediction"
        asked, found = f"{whose} is {_range(test, subject)}", f"it is {subject.told(amount)}"
    return BehaviourResult(
        name=test.name,
        kind="example",
        severity=test.severity,
        passed=bool(passed),
        asked=f"a row with {_listed([f'{name} {value}' for name, value in test.row.items()], 4, 'and')}: "
        f"{asked}",
        found=found,
        rows=1,
        holding=float(passed),
    )


def _range(test: Example, subject: Subject) -> str:
    if np.isinf(test.high):
        return f"at least {subject.asked(test.low)}"
    if np.isinf(test.low):
        return f"at most {subject.asked(test.high)}"
    return f"between {test.low:g} and {subject.asked(test.high)}"


def _values_of(column: pd.Series) -> tuple[Label, ...]:
    """Values that a column has: the most frequent texts, or quantiles of the numbers."""
    known = column.dropna()
    if pd.api.types.is_numeric_dtype(known) and not pd.api.types.is_bool_dtype(known):
        found = np.unique(known.quantile(_QUANTILES, interpolation="nearest"))
        return tuple(found.tolist())
    return tuple(known.value_counts().index[:_MOST_VALUES].tolist())


def _listed(values: Sequence[Any], most: int = _MOST_VALUES, last: str = "or") -> str:
    texts = [number(value) if isinstance(value, float) else str(value) for value in values[:most]]
    rest = [f"{len(values) - most} more"] if len(values) > most else []
    texts += rest
    if len(texts) < 2:
        return texts[0] if texts else "nothing"
    return f"{', '.join(texts[:-1])} {last} {texts[-1]}"


def _of_rows(share: float) -> str:
    return "" if share == 1.0 else f", for at least {share_text(share)} of the rows"
