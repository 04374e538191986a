"""What a project's `defs.yaml` can say.

Holds: the typed settings below `attributes`, each with a description that `dg` shows.
Add here: a setting, with its description and its bounds.
Not here: what a setting does; the asset that uses it knows.
"""

from typing import Annotated, Literal, Self

import dagster as dg
from pydantic import ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from mlops_assets.ml.tasks import Metric, Task, default_metric
from mlops_assets.names import IDENTIFIER

Identifier = Annotated[str, StringConstraints(pattern=IDENTIFIER.pattern)]
FamilyName = Literal["xgboost", "linear"]


def misfit(path: str, fault: str) -> PydanticCustomError:
    """The error for a setting that does not go with others; its place follows from the path."""
    return PydanticCustomError("misfit", "{path} {fault}", {"path": path, "fault": fault})


class Settings(dg.Model, dg.Resolvable):
    """A group of settings; an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class TargetSettings(Settings):
    """What is predicted."""

    column: str = Field(description="The column of the table that holds the target.")
    unit: str = Field(default="", description="What rmse and mae are reported in, such as `100,000 USD`.")
    unit_size: float = Field(
        default=1.0, gt=0, description="How much of the target one unit is, such as `100000`."
    )


class TableSettings(Settings):
    """A table and where its rows come from."""

    source: str = Field(
        description="A file, a glob or a folder, below the project root or absolute: CSV (plain or gzip), "
        "Parquet or JSON lines."
    )
    key: list[str] = Field(
        default_factory=list,
        description="Columns that identify a row: unique and never null. Without a key a row is identified "
        "by all of its columns, and may stand more than once.",
    )
    max_rejected_share: float = Field(
        default=0.05,
        ge=0,
        le=1,
        description="The share of rows that may break the contract before everything downstream is blocked.",
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
        default=["xgboost", "linear"], min_length=1, description="The kinds of models that compete."
    )
    seed: int = Field(default=0, ge=0, description="Same data, code and seed give the same model.")
    threads: int | None = Field(default=None, ge=1, description="Threads of a fit; all cores by default.")
    device: Literal["cpu", "cuda"] = Field(default="cpu", description="Where XGBoost computes.")

    def metric_for(self, task: Task) -> Metric:
        """The metric that decides."""
        return self.metric or default_metric(task)
