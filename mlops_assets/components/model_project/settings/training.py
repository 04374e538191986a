"""Settings of the target, partitions, split, training and search."""

from typing import Literal, Self

from pydantic import Field, PositiveFloat, model_validator

from mlops_assets.components.model_project.settings.base import FamilyName, Settings
from mlops_assets.core.periods import Cadence
from mlops_assets.ml.families import FAMILY_NAMES
from mlops_assets.ml.metrics.tasks import Metric


class TargetSettings(Settings):
    """The target: its column, horizon, unit and bounds."""

    column: str = Field(
        description="Target column: of the table, in an event project of the result of `target.sql`, or the "
        "name of the result of `expression`."
    )
    expression: str | None = Field(
        default=None,
        min_length=1,
        description="Projects without partitions: the target as an SQL expression over the columns of a row, "
        "such as `tips > 0.2 * fare`. Rows where it is null have no target. The columns that it reads are "
        "hidden from `features.sql` and no input of the model, except those in `keep`.",
    )
    keep: list[str] = Field(
        default_factory=list,
        description="Columns of `expression` that are known at the time of a prediction: `features.sql` may "
        "read them.",
    )
    horizon: int | None = Field(
        default=None,
        ge=1,
        description="Event projects: number of partitions after its own whose events the target is computed "
        "from.",
    )
    unit: str = Field(
        default="",
        description="Regression: unit in which predictions, RMSE and MAE are reported, such as `100,000 "
        "USD`.",
    )
    unit_size: float = Field(
        default=1.0,
        gt=0,
        description="Regression: size of one `unit` in the target column, such as `100000`.",
    )
    quantile: float | None = Field(
        default=None,
        gt=0,
        lt=1,
        description="Regression: predict this quantile of the target in place of its mean, such as `0.9`: "
        "90 % of the rows are expected at or below the prediction. The primary metric is then `pinball`. "
        "With `0.5` the median is predicted, which minimises the mean absolute error.",
    )
    minimum: float | None = Field(
        default=None,
        description="Regression: lower bound of predictions, such as 0 for a price; by default none.",
    )
    maximum: float | None = Field(
        default=None,
        description="Regression: upper bound of predictions, such as the cap of a census; by default none.",
    )


class PartitionSettings(Settings):
    """Time partitions of an event project."""

    cadence: Cadence = Field(
        description="Length of a partition: `daily`, `weekdays` (Monday to Friday; data of a weekend belongs "
        "to the Friday), `weekly` (from Monday) or `monthly`."
    )
    start: str = Field(
        description="First partition with data: `2024-01`, or for days and weeks `'2024-01-31'`. Every later "
        "partition must arrive before features that look back on it are computed; deliver an empty file for "
        "a partition without events."
    )
    end: str | None = Field(
        default=None, description="Last partition; by default partitions continue indefinitely."
    )
    lookback: int | None = Field(
        default=None,
        ge=1,
        description="Number of partitions of arrivals that `features.sql` reads, its own included; by "
        "default all. A corrected file changes the features of as many partitions.",
    )


class TrainingSettings(Settings):
    """Which labelled rows the registered model is fitted on."""

    window: int | None = Field(
        default=None,
        ge=1,
        description="Event projects: number of newest labelled partitions to train on; by default all.",
    )
    refit: bool | None = Field(
        default=None,
        description="Fit the registered model again on all labelled rows, after its evaluation on the "
        "holdout; the metrics are those before the refit. By default in event projects, where the holdout "
        "is the newest labelled partition.",
    )


class SplitSettings(Settings):
    """How the holdout, on which the model is evaluated, is separated from the training rows."""

    method: Literal["random", "stratified", "group", "time"] = Field(
        default="random",
        description="`random`: by a seeded hash of the row's key. `stratified`: with the same share of each "
        "class on both sides. `group`: rows of one group stay on the same side. `time`: the latest rows are "
        "the holdout, and folds predict a window of rows from all rows before it.",
    )
    holdout: float = Field(
        default=0.2,
        gt=0,
        lt=1,
        description="Share of rows in the holdout. With `method: time` the nearest share that does not "
        "divide rows of the same time.",
    )
    column: str | None = Field(
        default=None,
        description="With `method: time`: column with the time of a row, a timestamp, a date or a number "
        "such as a year. Rows without it are quarantined.",
    )
    holdout_from: str | int | None = Field(
        default=None,
        description="With `method: time`: first time of the holdout, in UTC, instead of the share `holdout`.",
    )
    seed: int = Field(default=0, ge=0, description="Seed of the split; another seed gives another split.")
    group: list[str] = Field(
        default_factory=list,
        description="Columns that identify a group. With `method: group`, required: a group stays on the "
        "same side. With `method: time`: earlier rows of groups in the holdout are not used for training.",
    )

    @model_validator(mode="after")
    def _require_columns_of_the_method(self) -> Self:
        if self.method == "group" and not self.group:
            raise ValueError("split.group is required with split.method: group")
        if self.group and self.method not in ("group", "time"):
            raise ValueError("split.group requires split.method: group or time")
        if (self.method == "time") != (self.column is not None):
            raise ValueError(
                "split.column is required with split.method: time, and not allowed with another method"
            )
        if self.holdout_from is not None and self.method != "time":
            raise ValueError("split.holdout_from requires split.method: time")
        if self.holdout_from is not None and "holdout" in self.model_fields_set:
            raise ValueError("split.holdout_from conflicts with split.holdout; declare one of them")
        return self


class IntervalSettings(Settings):
    """Regression: prediction intervals."""

    coverage: float | None = Field(
        default=0.9,
        gt=0,
        lt=1,
        description="Share of new rows whose true value lies inside the interval; `null` for predictions "
        "without intervals.",
    )
    groups: list[str] = Field(
        default_factory=list,
        description="Features whose values define groups, such as `region`: intervals have the coverage "
        "within each group, not only on average.",
    )


class PredictionSetSettings(Settings):
    """Classification: sets of the classes that a row may have."""

    coverage: float = Field(
        default=0.9, gt=0, lt=1, description="Share of new rows whose class is in the set."
    )
    groups: list[str] = Field(
        default_factory=list,
        description="Features whose values define groups: sets have the coverage within each group, not only "
        "on average.",
    )
    by_class: bool = Field(
        default=False,
        description="Sets have the coverage within each class, not only on average. Use it for rare classes.",
    )


class DecisionSettings(Settings):
    """How the decision threshold of a binary model is chosen: by a metric or by costs."""

    metric: Literal["f1", "accuracy", "balanced_accuracy"] | None = Field(
        default=None,
        description="Choose the threshold that maximises this metric on out-of-fold predictions.",
    )
    false_positive: float | None = Field(
        default=None,
        ge=0,
        description="Cost of predicting the second class for a row of the first. The threshold minimises the "
        "total cost on out-of-fold predictions.",
    )
    false_negative: float | None = Field(
        default=None, ge=0, description="Cost of predicting the first class for a row of the second."
    )

    @model_validator(mode="after")
    def _require_metric_or_costs(self) -> Self:
        costs = (self.false_positive, self.false_negative)
        if (self.metric is not None) == any(cost is not None for cost in costs):
            raise ValueError("tuning.decision requires either metric, or false_positive and false_negative")
        if self.metric is None and (None in costs or not any(costs)):
            raise ValueError("tuning.decision requires both costs, at least one of them above 0")
        return self


class TuningSettings(Settings):
    """Hyperparameter search: budget, metric and model families."""

    trials: int = Field(default=20, ge=1, description="Number of trials: parameter sets that are evaluated.")
    timeout_seconds: float | None = Field(
        default=None,
        gt=0,
        description="Time limit of the search in seconds, after which no new trial starts; by default none.",
    )
    folds: int = Field(default=5, ge=2, le=20, description="Number of cross-validation folds.")
    metric: Metric | None = Field(
        default=None,
        description="Primary metric, by which trials are ranked and the model is compared with baselines and "
        "champion. Regression: rmse (the default), mae, r2, mape; with `target.quantile`: pinball (the "
        "default), mae. Classification: log_loss (the default), roc_auc, "
        "average_precision, brier, f1, accuracy, precision, recall.",
    )
    families: list[FamilyName] = Field(
        default=["xgboost", "hist_gradient_boosting", "linear"],
        min_length=1,
        description="Model families that share the trials: "
        + ", ".join(f"`{name}`" for name in FAMILY_NAMES)
        + ". `lightgbm` and `catboost` require `pip install 'mlops-assets[lightgbm,catboost]'` for training.",
    )
    ensemble: int = Field(
        default=5,
        ge=1,
        le=25,
        description="Maximum number of models in the ensemble; with 1, the best trial alone.",
    )
    class_weight: Literal["balanced"] | dict[str, PositiveFloat] | None = Field(
        default=None,
        description="Classification: weights of the classes in all fits and in the scores of the search, "
        "such as `{churned: 5}` or `{'1': 5}`, 1 for classes that are not listed; or `balanced` for the same "
        "total weight of each class. Metrics, gates and calibrated probabilities are not weighted by class.",
    )
    calibrate: bool = Field(
        default=True,
        description="Classification: calibrate probabilities if that lowers the out-of-fold log loss.",
    )
    decision: DecisionSettings | None = Field(
        default=None,
        description="Binary: how the decision threshold is chosen; by default it is 0.5.",
    )
    seed: int = Field(
        default=0,
        ge=0,
        description="Seed of search and fits: the same data, code and seed give the same model.",
    )
    threads: int | None = Field(
        default=None,
        ge=1,
        description="Number of threads for fitting models, shared by those that are fitted at a time; by "
        "default one per core that the process may use.",
    )
    device: Literal["cpu", "cuda"] = Field(
        default="cpu",
        description="Device that XGBoost trains on: `cpu` or `cuda`. Without a GPU, `cuda` is an error. "
        "Other families train on the CPU, and predictions are computed on it.",
    )
