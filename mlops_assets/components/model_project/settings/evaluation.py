"""What `defs.yaml` can say about judging a model."""

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
    """What the report looks at beside the metrics of all rows."""

    slices: list[str] = Field(
        default_factory=list,
        description="Columns, of the table or of the features, by whose values the metric is told; numbers "
        "are cut into quantiles.",
    )
    sensitive: list[str] = Field(
        default_factory=list,
        description="Columns by whose values the model is compared for fairness, such as a region or a sex.",
    )
    weakest: bool = Field(
        default=True, description="Whether the parts where the model is worst are searched for."
    )
    learning_curve: bool = Field(
        default=False,
        description="Whether the model is fitted again on parts of the training rows, to tell whether more "
        "rows would help; takes about twice the time of one fit.",
    )


class BehaviourTestSettings(Settings):
    """What every behavioural test has."""

    severity: Severity = Field(
        default="warn", description="How Dagster shows a test that fails: `warn` or `error`."
    )


class InvarianceSettings(BehaviourTestSettings):
    """A column that must not move the prediction."""

    name: Identifier | None = Field(default=None, description="By default the column's.")
    column: str = Field(description="The column that is set to other values, or moved.")
    values: list[Value] = Field(
        default_factory=list, description="The values; by default those that the holdout has."
    )
    by: float | None = Field(
        default=None,
        gt=0,
        description="Instead of values: how far the column, of numbers, is moved both ways.",
    )
    at_most: float = Field(
        ge=0,
        description="How far the prediction may move: in `target.unit`, or as a probability.",
    )
    share: float = Field(default=1.0, gt=0, le=1, description="The share of the rows that must hold.")


class DirectionSettings(BehaviourTestSettings):
    """A column of which more raises, or lowers, the prediction."""

    name: Identifier | None = Field(default=None, description="By default the column's.")
    column: str = Field(description="The column, of numbers, that is changed.")
    by: float = Field(gt=0, description="What is added to it.")
    prediction: Literal["rises", "falls"] = Field(description="What the prediction does then.")
    share: float = Field(default=1.0, gt=0, le=1, description="The share of the rows that must hold.")
    tolerance: float = Field(
        default=0.0,
        ge=0,
        description="How far a prediction may move the other way and still hold: in `target.unit`, or as a "
        "probability.",
    )
    of_class: Value | None = Field(
        default=None, description="For classes: whose probability; by default that of the second of two."
    )


class ExampleSettings(BehaviourTestSettings):
    """A row whose prediction is known."""

    name: Identifier = Field(description="What the row is called.")
    row: dict[str, Any] = Field(
        min_length=1,
        description="Columns and values: of the table, or in an event project of the features. What may be "
        "missing may be left out.",
    )
    label: Value | None = Field(default=None, description="The class that must be predicted.")
    value: float | None = Field(default=None, description="For numbers: the value that is expected.")
    within: float | None = Field(
        default=None, ge=0, description="How far from `value` the prediction may lie."
    )
    at_least: float | None = Field(
        default=None, description="The least prediction: in `target.unit`, or as a probability."
    )
    at_most: float | None = Field(
        default=None, description="The largest prediction: in `target.unit`, or as a probability."
    )
    of_class: Value | None = Field(
        default=None, description="For classes: whose probability; by default that of the second of two."
    )


class BehaviourSettings(Settings):
    """Tests of what the fitted model does, each a check in Dagster."""

    invariance: list[InvarianceSettings] = Field(
        default_factory=list, description="Columns that must not move the prediction."
    )
    direction: list[DirectionSettings] = Field(
        default_factory=list, description="Columns of which more raises, or lowers, the prediction."
    )
    examples: list[ExampleSettings] = Field(
        default_factory=list, description="Rows whose prediction is known."
    )

    def named(self) -> Iterator[tuple[str, str, BehaviourTestSettings]]:
        """Path, name of the check, and settings of each test."""
        for index, invariance in enumerate(self.invariance):
            name = f"invariance_{invariance.name or invariance.column}"
            yield f"behaviour.invariance.{index}", name, invariance
        for index, direction in enumerate(self.direction):
            name = f"direction_{direction.name or direction.column}"
            yield f"behaviour.direction.{index}", name, direction
        for index, example in enumerate(self.examples):
            yield f"behaviour.examples.{index}", f"example_{example.name}", example

    def tests(self) -> "list[BehaviourTest]":
        """The same as `ml` runs them."""
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
    """The range that an example's prediction must lie in; infinite where it is open."""
    if example.value is not None:
        within = example.within or 0.0
        return example.value - within, example.value + within
    low = -math.inf if example.at_least is None else example.at_least
    return low, math.inf if example.at_most is None else example.at_most
