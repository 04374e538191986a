"""What a project's `defs.yaml` can say.

Holds: the typed settings below `attributes`, each with a description that `dg` shows.
Add here: a setting, with its description and its bounds.
Not here: what a setting does; the asset that uses it knows.
"""

from typing import Annotated, Any, Literal, Self

import dagster as dg
from pydantic import ConfigDict, Field, StringConstraints, field_validator, model_validator
from pydantic_core import PydanticCustomError

from mlops_assets.ml.families import FAMILY_NAMES
from mlops_assets.ml.tasks import Metric, Task, default_metric
from mlops_assets.names import IDENTIFIER
from mlops_assets.periods import Cadence
from mlops_assets.stores.dialects import Dialect

Identifier = Annotated[str, StringConstraints(pattern=IDENTIFIER.pattern)]
FamilyName = Literal[FAMILY_NAMES]  # type: ignore[valid-type]  # follows from the registry
Cron = Annotated[str, StringConstraints(pattern=r"^\s*(\S+\s+){4}\S+\s*$|^@\w+$")]


def misfit(path: str, fault: str) -> PydanticCustomError:
    """The error for a setting that does not go with others; its place follows from the path."""
    return PydanticCustomError("misfit", "{path} {fault}", {"path": path, "fault": fault})


class Settings(dg.Model, dg.Resolvable):
    """A group of settings; an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


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


class CsvSettings(Settings):
    """How a table's CSV files are written, where not as usual: other programs, other countries."""

    delimiter: str = Field(
        default=",", description="What separates fields, one character such as `;` or `\t` (in quotes)."
    )
    encoding: str = Field(
        default="utf-8",
        description="As Python calls it: `latin-1`, `cp1252`, `utf-16`, … A byte order mark says more.",
    )
    decimal: Literal[".", ","] = Field(default=".", description="What comes before a number's fraction.")
    thousands: str = Field(
        default="", description="What groups a number's digits by three, such as `.`; by default nothing."
    )
    quote: str = Field(
        default='"', description="What surrounds a field that holds delimiters; empty for nothing."
    )
    nulls: list[str] = Field(
        default_factory=list,
        description="Texts that mean that there is no value, such as `NA`; the empty field always does.",
    )
    skip_lines: int = Field(default=0, ge=0, description="How many lines come before the header.")

    @field_validator("encoding")
    @classmethod
    def _is_an_encoding_of_text(cls, encoding: str) -> str:
        try:
            "a".encode(encoding)
        except (LookupError, ValueError) as error:
            raise ValueError("Python knows no such encoding of text") from error
        return encoding

    @model_validator(mode="after")
    def _marks_can_be_told_apart(self) -> Self:
        marks = {"delimiter": self.delimiter, "quote": self.quote, "thousands": self.thousands}
        for name, mark in marks.items():
            if len(mark) != 1 and (mark or name == "delimiter"):
                raise ValueError(f"csv.{name} is {mark!r}, and is one character")
            if mark in ("\n", "\r", "\0") or (name == "thousands" and mark.isdigit()):
                raise ValueError(f"csv.{name} can't be {mark!r}")
        if self.delimiter == self.quote:
            raise ValueError(f"csv.delimiter and csv.quote are both {self.quote!r}")
        if self.decimal == self.thousands:
            raise ValueError(f"csv.decimal and csv.thousands are both {self.decimal!r}")
        return self

    @property
    def dialect(self) -> Dialect:
        """The same as readers take it."""
        return Dialect.of(self.model_dump())


class SourceSettings(Settings):
    """A source that more than a path is said of: one of `sql`, `url` and `asset`."""

    sql: str | None = Field(
        default=None,
        description="A query, or the name of a `.sql` file in the project's folder. Values are text.",
    )
    database: str | None = Field(
        default=None,
        description="Of `sql`: `sqlite:///data/crm.db`, below the project root (`sqlite:////srv/crm.db` is "
        "absolute), or the name of an environment variable that holds a `postgresql://` URL.",
    )
    url: str | None = Field(
        default=None, description="Files that fsspec knows: `s3://bucket/orders/*.parquet`, `gs://...`."
    )
    storage_options: dict[str, Any] = Field(
        default_factory=dict,
        description="Of `url`: what its driver is given. A secret is `{env: NAME}`, the name of an "
        "environment variable.",
    )
    asset: str | None = Field(
        default=None,
        description="Another asset whose table is read, by its key: `customer_churn/predictions`.",
    )


class TableSettings(Settings):
    """A table and where its rows come from."""

    source: str | SourceSettings = Field(
        description="A file, a glob or a folder, below the project root or absolute, or a URL that fsspec "
        "knows: CSV (plain or gzip), Parquet or JSON lines. Or a mapping: `sql` with `database`, `url` with "
        "`storage_options`, or `asset`."
    )
    key: list[str] = Field(
        default_factory=list,
        description="Columns that identify a row: unique and never null. Without a key a row is identified "
        "by all of its columns, and may stand more than once.",
    )
    time: str | None = Field(
        default=None,
        description="Event projects: the column that tells when a row's event happened. A table without it "
        "is static: it has no partitions, and every partition of the features sees all of it.",
    )
    arrival: str | None = Field(
        default=None,
        description="Event projects: the column that tells when a row became known, where one file holds "
        "many partitions. Without it, the date in a file's name says to which partition its rows belong.",
    )
    csv: CsvSettings = Field(
        default=CsvSettings(), description="How its CSV files are written, where not as usual."
    )
    max_rejected_share: float = Field(
        default=0.05,
        ge=0,
        le=1,
        description="The share of rows that may break the contract before everything downstream is blocked.",
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


class BackfillSchedule(Settings):
    """A schedule that reads the newest partitions again."""

    cron: Cron = Field(description="When, as cron spells it.")
    last: int = Field(default=3, ge=1, description="How many partitions, the newest that have data.")


class IngestSchedule(Settings):
    """A schedule that reads databases."""

    cron: Cron = Field(description="When, as cron spells it.")
    last: int = Field(
        default=3,
        ge=1,
        description="Event projects: how many of the newest partitions are read again; those that were never "
        "read are read in any case.",
    )


class ScheduleSettings(Settings):
    """What runs at set times. Sensors see to new data meanwhile."""

    score: Cron | None = Field(
        default=None, description="Event projects: score the newest partition that has features."
    )
    train: Cron | None = Field(
        default=None,
        description="Train again, at the newest cut-off with labels; unless nothing has changed.",
    )
    backfill: BackfillSchedule | None = Field(
        default=None, description="Event projects: read the newest partitions again."
    )
    ingest: IngestSchedule | None = Field(
        default=None, description="Read the tables whose source is a query; no sensor looks at them."
    )
    timezone: str = Field(default="UTC", description="The time zone of the times.")


class AutomationSettings(Settings):
    """What follows by itself while Dagster's daemon runs; all can be switched in Dagster's UI, too."""

    files: bool = Field(default=True, description="Sensors start with: new and changed files are ingested.")
    assets: bool = Field(
        default=True,
        description="Features, target and predictions follow when what they are made of changed.",
    )
    schedules: bool = Field(default=True, description="Schedules start with Dagster.")
    seconds: int = Field(default=5, ge=1, description="Least seconds between two looks at the files.")
    remote_seconds: int = Field(
        default=60, ge=1, description="The same for files behind a URL, such as those of an object store."
    )


class FreshnessSettings(Settings):
    """How old may be what people rely on."""

    predictions_hours: float | None = Field(
        default=None, gt=0, description="Predictions are late when none was written for so long."
    )
    champion_hours: float | None = Field(
        default=None, gt=0, description="The champion is late when no decision about it was made for so long."
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
