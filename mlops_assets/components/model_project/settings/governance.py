"""Settings of promotion gates, manual approval and retention."""

from pydantic import Field

from mlops_assets.components.model_project.settings.base import Settings


class GateSettings(Settings):
    """Gates that a version must pass before promotion. A version that fails one is registered as rejected."""

    minimum: dict[str, float] = Field(
        default_factory=dict,
        description="Limits of holdout metrics: a minimum for scores (`roc_auc: 0.75`), a maximum for errors "
        "and losses (`rmse: 0.5`). `coverage` is that of prediction intervals or sets (`coverage: 0.88`).",
    )
    baseline_margin: float | None = Field(
        default=None,
        description="Non-inferiority margin against the best baseline, in units of the primary metric "
        "(`tuning.metric`), on the holdout. By default 5 % of the improvement of that baseline over the "
        "constant baseline, so that a model as good as the linear baseline passes. Same rule as for "
        "`champion_margin`. In any case the model must be significantly better than the constant baseline.",
    )
    champion_margin: float = Field(
        default=0.0,
        description="Non-inferiority margin against the champion, in units of the primary metric, on holdout "
        "rows that neither was trained on: the 95 % confidence interval of the difference must not reach "
        "beyond it. With 0, the challenger must be significantly better; a negative margin requires that it "
        "is significantly better by more than that.",
    )
    compatible_features: bool = Field(
        default=False,
        description="Require that the version needs no column that the champion does not read, so that "
        "clients of the champion can call it unchanged.",
    )
    max_age_days: float | None = Field(
        default=None,
        gt=0,
        description="Maximum age of the training data, in days: since the end of the evaluation partition, "
        "or in a project without partitions since the table was last written. No limit by default.",
    )

    behaviour: bool = Field(
        default=True, description="Require that all behavioural tests of severity `error` pass."
    )
    slice_gap: float | None = Field(
        default=None,
        ge=0,
        description="Maximum loss of the primary metric in a slice of `evaluation.slices`, relative to all "
        "rows, in units of the metric. No limit by default.",
    )
    fairness: dict[str, float] = Field(
        default_factory=dict,
        description="Limits of the fairness measures of each column in `evaluation.sensitive`, by the name "
        "in the report: a maximum of a difference, as in `demographic parity difference: 0.1`, and a minimum "
        "of a ratio, as in `demographic parity ratio: 0.8`. An undefined measure fails.",
    )
    latency_milliseconds: float | None = Field(
        default=None,
        gt=0,
        description="Maximum median latency of predicting a single row, in milliseconds. No limit by "
        "default.",
    )
    size_megabytes: float | None = Field(
        default=None,
        gt=0,
        description="Maximum size of the model's files, in megabytes (10⁶ bytes). No limit by default.",
    )


class ApprovalSettings(Settings):
    """Manual approval of versions that passed their gates."""

    required: bool = Field(
        default=False,
        description="Require manual approval before promotion, by `mlops approve` or the job "
        "`<project>_approve`.",
    )
    remind_after_hours: float = Field(
        default=24.0,
        gt=0,
        description="Warn when a version has been pending approval for longer than this, in hours.",
    )


class RetentionSettings(Settings):
    """What `mlops data vacuum` and the job `<project>_vacuum` keep."""

    tables_days: int = Field(
        default=30,
        ge=1,
        le=36_500,
        description="Days for which a replaced version of a table stays readable. Versions that a registered "
        "model was trained on are kept regardless of their age.",
    )
    rejected_days: int = Field(
        default=90,
        ge=1,
        le=36_500,
        description="Days for which models and searches of rejected versions are kept. Those of versions "
        "that were champion at any time are never removed.",
    )
