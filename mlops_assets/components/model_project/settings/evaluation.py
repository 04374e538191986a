"""Settings of evaluation and behavioural tests."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from mlops_assets.components.model_project.settings.base import Identifier, Settings

if TYPE_CHECKING:
    from mlops_assets.ml.evaluation.behaviour_tests import BehaviourTest

Severity = Literal["warn", "error"]
Value = str | bool | int | float


class EvaluationSettings(Settings):
    """Analyses of the evaluation report beyond the metrics of all rows."""

    slices: list[str] = Field(
        default_factory=list,
        description="Columns of the table or of the features whose values define slices; metrics are "
        "reported per slice. Numeric columns are binned by quantiles.",
    )
    sensitive: list[str] = Field(
        default_factory=list,
        description="Columns of protected groups, such as region or sex, which fairness measures compare. "
        "This hides no values: columns whose values must not be shown are declared in "
        "`tables.<table>.sensitive`. The groups of a column in both are numbered.",
    )
    clusters: list[str] = Field(
        default_factory=list,
        description="Columns that identify clusters of correlated rows, such as the customer of several "
        "contracts: of the table, or in an event project of the entity and the features. Confidence "
        "intervals and tests resample clusters. By default the columns of `split.group`, and in an event "
        "project the entity.",
    )
    weakest: bool = Field(
        default=True, description="Search for the slices in which the model performs worst."
    )
    learning_curve: bool = Field(
        default=False,
        description="Fit the model on growing parts of the training rows, to show whether more rows would "
        "help. Takes about twice the time of one fit.",
    )


class BehaviourTestSettings(Settings):
    """Settings of every behavioural test."""

    severity: Severity = Field(
        default="warn",
        description="Severity of a failed test: `warn`, or `error`, which `gates.behaviour` requires to "
        "pass.",
    )


class InvarianceSettings(BehaviourTestSettings):
    """An invariance test: changing the column must not change the prediction."""

    name: Identifier | None = Field(
        default=None, description="Name of the test; by default the name of the column."
    )
    column: str = Field(description="Input column to change.")
    values: list[Value] = Field(
        default_factory=list,
        description="Values to set the column to; by default values that occur in the holdout.",
    )
    by: float | None = Field(
        default=None,
        gt=0,
        description="Instead of `values`, for numeric columns: amount added to and subtracted from the "
        "column.",
    )
    at_most: float = Field(
        ge=0,
        description="Maximum change of a prediction: in `target.unit` for regression, else as a probability.",
    )
    share: float = Field(
        default=1.0, gt=0, le=1, description="Minimum share of rows that pass; by default all."
    )


class DirectionSettings(BehaviourTestSettings):
    """A directional test: increasing the column must raise, or lower, the prediction."""

    name: Identifier | None = Field(
        default=None, description="Name of the test; by default the name of the column."
    )
    column: str = Field(description="Numeric input column to increase.")
    by: float = Field(gt=0, description="Amount added to the column.")
    prediction: Literal["rises", "falls"] = Field(
        description="Expected direction of the prediction: `rises` or `falls`."
    )
    share: float = Field(
        default=1.0, gt=0, le=1, description="Minimum share of rows that pass; by default all."
    )
    tolerance: float = Field(
        default=0.0,
        ge=0,
        description="Maximum change in the opposite direction that still passes: in `target.unit` for "
        "regression, else as a probability.",
    )
    of_class: Value | None = Field(
        default=None,
        description="Classification: class whose probability is tested. Required for `multiclass`; by "
        "default the second class for `binary`.",
    )


class ExampleSettings(BehaviourTestSettings):
    """An example test: a row with a known prediction."""

    name: Identifier = Field(description="Name of the test.")
    row: dict[str, Any] = Field(
        min_length=1,
        description="Input row by column: columns of the table, or in an event project of the features. "
        "Nullable columns may be omitted.",
    )
    label: Value | None = Field(default=None, description="Classification: expected class.")
    value: float | None = Field(
        default=None, description="Regression: expected value, in `target.unit`; requires `within`."
    )
    within: float | None = Field(
        default=None, ge=0, description="Maximum deviation from `value`, in `target.unit`."
    )
    at_least: float | None = Field(
        default=None,
        description="Minimum prediction: in `target.unit` for regression, else as a probability.",
    )
    at_most: float | None = Field(
        default=None,
        description="Maximum prediction: in `target.unit` for regression, else as a probability.",
    )
    of_class: Value | None = Field(
        default=None,
        description="Classification: class whose probability is compared with `at_least` and `at_most`. "
        "Required for `multiclass`; by default the second class for `binary`.",
    )


class BehaviourSettings(Settings):
    """Behavioural tests of the fitted model; each is an asset check."""

    invariance: list[InvarianceSettings] = Field(
        default_factory=list, description="Tests that changing a column does not change the prediction."
    )
    direction: list[DirectionSettings] = Field(
        default_factory=list, description="Tests that increasing a column raises or lowers the prediction."
    )
    examples: list[ExampleSettings] = Field(
        default_factory=list, description="Tests of rows with a known prediction."
    )

    def named(self) -> Iterator[tuple[str, str, BehaviourTestSettings]]:
        """Path of the setting, check name and settings of each test."""
        for index, invariance in enumerate(self.invariance):
            name = f"invariance_{invariance.name or invariance.column}"
            yield f"behaviour.invariance.{index}", name, invariance
        for index, direction in enumerate(self.direction):
            name = f"direction_{direction.name or direction.column}"
            yield f"behaviour.direction.{index}", name, direction
        for index, example in enumerate(self.examples):
            yield f"behaviour.examples.{index}", f"example_{example.name}", example

    def tests(self) -> "list[BehaviourTest]":
        """The declared tests as `ml.evaluation.behaviour_tests` runs them."""
        from mlops_assets.ml.evaluation.behaviour_tests import Direction, Example, Invariance

        made: list[BehaviourTest] = []
        for _, name, test in self.named():
            match test:
                case InvarianceSettings():
                    declared = test.model_dump(exclude={"name", "values"})
                    made.append(Invariance(name=name, values=tuple(test.values), **declared))
                case DirectionSettings():
                    made.append(Direction(name=name, **test.model_dump(exclude={"name"})))
                case ExampleSettings():
                    low, high = expected_range(test)
                    kept = {"row", "label", "of_class", "severity"}
                    made.append(Example(name=name, low=low, high=high, **test.model_dump(include=kept)))
        return made


def expected_range(example: ExampleSettings) -> tuple[float, float]:
    """Range of the expected prediction of an example; infinite where it is open."""
    if example.value is not None:
        within = example.within or 0.0
        return example.value - within, example.value + within
    low = -math.inf if example.at_least is None else example.at_least
    return low, math.inf if example.at_most is None else example.at_most
