"""Settings of the target, partitions, split, training and search."""

from typing import Literal, Self

from pydantic import Field, model_validator

from mlops_assets.components.model_project.settings.base import FamilyName, Settings
from mlops_assets.core.periods import Cadence
from mlops_assets.ml.families import FAMILY_NAMES
from mlops_assets.ml.metrics.tasks import Metric, Task, default_metric


class TargetSettings(Settings):
    """What is predicted."""

    column: str = Field(
        description="The column that holds the target: of the table, or in an event project of `target.sql`."
    )
    horizon: int | None = Field(
        default=None,
        ge=1,
        description="Event projects: how many partitions after its own a target looks at.",
    )
    unit: str = Field(default="", description="What rmse and mae are reported in, such as `100,000 USD`.")
    unit_size: float = Field(
        default=1.0, gt=0, description="How much of the target one unit is, such as `100000`."
    )
    minimum: float | None = Field(
        default=None, description="Regression: nothing less is predicted, such as 0 for a price."
    )
    maximum: float | None = Field(
        default=None, description="Regression: nothing more is predicted, such as the cap of a census."
    )


class PartitionSettings(Settings):
    """How arrivals are cut into partitions."""

    cadence: Cadence = Field(description="`daily`, `weekly` (from Monday) or `monthly`.")
    start: str = Field(
        description="The first partition that has data: `2024-01`, or for days and weeks `'2024-01-31'`. "
        "What looks back on a partition waits for it; an empty file says that nothing happened in it."
    )
    end: str | None = Field(default=None, description="The last partition; by default there is none.")
    lookback: int | None = Field(
        default=None,
        ge=1,
        description="How many partitions of arrivals `features.sql` sees, its own included; by default all. "
        "A corrected file changes the features of so many partitions.",
    )


class TrainingSettings(Settings):
    """Which partitions of an event project train a model; each model has a cut-off."""

    window: int | None = Field(
        default=None, ge=1, description="How many labelled partitions train, the newest; by default all."
    )
    refit: bool = Field(
        default=True,
        description="Whether the model that is registered is fitted again on all labelled partitions, after "
        "it was judged by the newest of them.",
    )


class SplitSettings(Settings):
    """Which rows are kept away from training to judge the model."""

    method: Literal["random", "stratified", "group"] = Field(
        default="random",
        description="`random` by a seeded hash of the row's key; `stratified` with the same share of each "
        "class; `group` keeps rows with the same group on one side.",
    )
    holdout: float = Field(default=0.2, gt=0, lt=1, description="The holdout's share of the rows.")
    seed: int = Field(default=0, ge=0, description="Another seed is another split.")
    group: list[str] = Field(default_factory=list, description="For `group`: the columns that make a group.")

    @model_validator(mode="after")
    def _group_has_columns(self) -> Self:
        if (self.method == "group") != bool(self.group):
            raise ValueError(
                "split.group names the columns of a group, with split.method: group and only then"
            )
        return self


class DecisionSettings(Settings):
    """From which probability on a binary model predicts the second class; by default one half."""

    metric: Literal["f1", "accuracy", "balanced_accuracy"] | None = Field(
        default=None, description="Where this is the largest, on predictions of the search out of fold."
    )
    false_positive: float | None = Field(
        default=None, ge=0, description="What it costs to predict the second class wrongly."
    )
    false_negative: float | None = Field(
        default=None, ge=0, description="What it costs to miss the second class."
    )

    @model_validator(mode="after")
    def _a_metric_or_costs(self) -> Self:
        costs = (self.false_positive, self.false_negative)
        if (self.metric is not None) == any(cost is not None for cost in costs):
            raise ValueError("tuning.decision names either metric, or false_positive and false_negative")
        if self.metric is None and (None in costs or not any(costs)):
            raise ValueError("tuning.decision needs both costs, and one of them above 0")
        return self


class TuningSettings(Settings):
    """How the model is searched for."""

    trials: int = Field(default=20, ge=1, description="How many parameter sets are tried.")
    timeout_seconds: float | None = Field(
        default=None, gt=0, description="No new trial is started after so many seconds."
    )
    folds: int = Field(default=5, ge=2, le=20, description="Folds of the cross-validation.")
    metric: Metric | None = Field(
        default=None,
        description="What decides between trials, against the baselines and the champion: rmse (the default "
        "for regression), mae, r2, mape; log_loss (the default for classes), roc_auc, average_precision, "
        "brier, f1, accuracy, precision, recall.",
    )
    families: list[FamilyName] = Field(
        default=["xgboost", "hist_gradient_boosting", "linear"],
        min_length=1,
        description="The kinds of models that compete for the trials: "
        + ", ".join(f"`{name}`" for name in FAMILY_NAMES)
        + ".",
    )
    ensemble: int = Field(
        default=5,
        ge=1,
        le=25,
        description="How many models of the search the winner is made of at the most; 1 is the best alone.",
    )
    calibrate: bool = Field(
        default=True,
        description="Classes: whether to calibrate probabilities where that lowers the log loss out of fold.",
    )
    decision: DecisionSettings | None = Field(
        default=None, description="Binary: by what to decide between the classes."
    )
    seed: int = Field(default=0, ge=0, description="Same data, code and seed give the same model.")
    threads: int | None = Field(default=None, ge=1, description="Threads of a fit; all cores by default.")
    device: Literal["cpu", "cuda"] = Field(default="cpu", description="Where XGBoost computes.")

    def metric_for(self, task: Task) -> Metric:
        """The metric that decides."""
        return self.metric or default_metric(task)
