"""What a project's `defs.yaml` can say about who serves: gates, approval and retention."""

from pydantic import Field

from mlops_assets.components.model_project.settings.base import Settings


class GateSettings(Settings):
    """What a version must show before it may serve; one that fails is registered as rejected."""

    minimum: dict[str, float] = Field(
        default_factory=dict,
        description="Metrics on the holdout that must be at least so good: `roc_auc: 0.75`, `rmse: 0.5`.",
    )
    baseline_margin: float = Field(
        default=0.0,
        ge=0,
        description="By how much the deciding metric must be better than that of the best baseline. With 0, "
        "a model that can't be told from a linear one passes, too.",
    )
    champion_margin: float = Field(
        default=0.0,
        ge=0,
        description="By how much the deciding metric may be worse than the champion's, on holdout rows that "
        "neither was trained on, for sure: the whole 95 % interval must say so. With 0 it must be better.",
    )
    compatible_features: bool = Field(
        default=False,
        description="Whether it must do with the columns that callers of the champion bring.",
    )
    max_age_days: float | None = Field(
        default=None,
        gt=0,
        description="How long ago the newest data may lie that it was trained on: the end of the partition "
        "that judged it, or in a project without partitions the day on which the table was last written.",
    )

    behaviour: bool = Field(
        default=True, description="Whether behavioural tests of severity `error` must hold."
    )
    slice_gap: float | None = Field(
        default=None,
        ge=0,
        description="By how much the deciding metric may be worse in a slice of `evaluation.slices` than "
        "overall.",
    )
    fairness: dict[str, float] = Field(
        default_factory=dict,
        description="How far groups of a column of `evaluation.sensitive` may lie apart, by measure as the "
        "report names it: `demographic parity difference: 0.1`.",
    )
    latency_milliseconds: float | None = Field(
        default=None, gt=0, description="How long the prediction of a single row may take."
    )
    size_megabytes: float | None = Field(default=None, gt=0, description="How large its files may be.")


class ApprovalSettings(Settings):
    """Who decides that a version which passed its gates becomes champion."""

    required: bool = Field(
        default=False,
        description="Whether it waits for somebody's word, by `mlops approve` or the job "
        "`<project>_approve`; nothing runs meanwhile.",
    )
    remind_after_hours: float = Field(
        default=24.0, gt=0, description="A version that has waited for so long is reminded of."
    )


class RetentionSettings(Settings):
    """What `mlops data vacuum` and the job `<project>_vacuum` leave alone."""

    tables_days: int = Field(
        default=30,
        ge=1,
        le=36_500,
        description="For how many days a version of a table stays readable after it was replaced. What a "
        "registered version was trained on stays, however old it is.",
    )
    rejected_days: int = Field(
        default=90,
        ge=1,
        le=36_500,
        description="For how many days the models and searches of a rejected version stay. Those of a "
        "version that ever was champion always do.",
    )
