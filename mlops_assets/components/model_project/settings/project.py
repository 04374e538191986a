"""Settings at the top level of `defs.yaml`."""

from typing import Literal

import dagster as dg
from pydantic import ConfigDict, Field

from mlops_assets.components.model_project.settings.automation import (
    AutomationSettings,
    FreshnessSettings,
    ScheduleSettings,
)
from mlops_assets.components.model_project.settings.base import Identifier
from mlops_assets.components.model_project.settings.evaluation import BehaviourSettings, EvaluationSettings
from mlops_assets.components.model_project.settings.fairness import FairnessSettings
from mlops_assets.components.model_project.settings.governance import (
    ApprovalSettings,
    GateSettings,
    RetentionSettings,
)
from mlops_assets.components.model_project.settings.monitoring.alerts import AlertSettings
from mlops_assets.components.model_project.settings.monitoring.reports import MonitoringSettings
from mlops_assets.components.model_project.settings.monitoring.retraining import RetrainSettings
from mlops_assets.components.model_project.settings.predictions import PredictionSettings
from mlops_assets.components.model_project.settings.preprocessing import PreprocessingSettings
from mlops_assets.components.model_project.settings.scoring import ScoringSettings
from mlops_assets.components.model_project.settings.serving.service import ServingSettings
from mlops_assets.components.model_project.settings.tables import TableSettings
from mlops_assets.components.model_project.settings.training import (
    IntervalSettings,
    PartitionSettings,
    PredictionSetSettings,
    SplitSettings,
    TargetSettings,
    TrainingSettings,
    TuningSettings,
)
from mlops_assets.ml.metrics.tasks import Metric, Task, default_metric


class ProjectSettings(dg.Model):
    """All settings of a project; `settings/consistency.py` holds the rules across them."""

    model_config = ConfigDict(hide_input_in_errors=True, defer_build=True)  # which may be a secret

    name: Identifier | None = Field(
        default=None,
        description="Name of the project; by default that of its folder. Declare the former name after "
        "renaming the folder: tables, versions and ledger are stored under the name.",
    )
    description: str = Field(
        description="What the model predicts, from which data and for what purpose; shown in the report."
    )
    task: Task = Field(description="Learning task: `regression`, `binary` or `multiclass` classification.")
    target: TargetSettings = Field(description="The target: its column, horizon, unit and bounds.")
    tables: dict[str, TableSettings] = Field(
        description="Tables by name. A project has one, an event project may have several."
    )
    entity: list[str] = Field(
        default_factory=list,
        description="Event projects: columns that identify the entity that predictions are made for, such as "
        "`customer_id`.",
    )
    partitions: PartitionSettings | None = Field(
        default=None,
        description="Time partitions of the arriving data. Declaring them makes the project an event "
        "project.",
    )
    scoring: ScoringSettings | None = Field(
        default=None,
        description="Projects without partitions: rows without a target, which the champion predicts into "
        "the asset `predictions`.",
    )
    training: TrainingSettings = Field(
        default=TrainingSettings(), description="Event projects: which partitions a model is trained on."
    )
    split: SplitSettings = Field(
        default=SplitSettings(),
        description="How the holdout is chosen. Event projects are split by time instead.",
    )
    preprocessing: PreprocessingSettings = Field(
        default=PreprocessingSettings(),
        description="How features become numbers in a project without `pipeline.py`.",
    )
    tuning: TuningSettings = Field(
        default=TuningSettings(), description="Hyperparameter search: budget, metric and model families."
    )
    weight: str | None = Field(
        default=None,
        description="Column with the weight of each row, a positive number: of the table, or in an event "
        "project of the result of `target.sql`. Fits, scores, gates and intervals are weighted; the column "
        "is no feature.",
    )
    sensitive_features: list[str] = Field(
        default_factory=list,
        description="Sensitive columns that may be features. A model learns from their values and may "
        "contain some, such as the categories of a text; its files in MLflow are then as sensitive as the "
        "table. Reports show no values of them.",
    )
    monotone: dict[str, Literal["increasing", "decreasing"]] = Field(
        default_factory=dict,
        description="Features whose increase must never lower (`increasing`) or never raise (`decreasing`) "
        "the prediction, or the probability of the second of two classes. The fitted model is verified by "
        "the check `monotone_constraints`.",
    )
    intervals: IntervalSettings = Field(
        default=IntervalSettings(), description="Regression: prediction intervals."
    )
    prediction_sets: PredictionSetSettings | None = Field(
        default=None,
        description="Classification: predict a set of classes that contains the true one; by default none.",
    )
    intended_use: str = Field(
        default="", description="Intended use and users of the predictions; shown in report and model card."
    )
    limits: list[str] = Field(
        default_factory=list,
        description="Known limitations and uses to avoid; shown in report and model card.",
    )
    evaluation: EvaluationSettings = Field(
        default=EvaluationSettings(), description="Slices, protected groups and further analyses."
    )
    fairness: FairnessSettings | None = Field(
        default=None,
        description="Binary: fairness constraint on the groups of a protected column, met by a decision "
        "threshold for each group; by default none.",
    )
    behaviour: BehaviourSettings = Field(
        default=BehaviourSettings(), description="Behavioural tests of the fitted model, each an asset check."
    )
    predictions: PredictionSettings = Field(
        default=PredictionSettings(), description="Columns of batch predictions."
    )
    serving: ServingSettings = Field(
        default=ServingSettings(), description="The HTTP service of the champion, `mlops serve`."
    )
    monitoring: MonitoringSettings = Field(
        default=MonitoringSettings(), description="Reports on data quality, drift and performance."
    )
    retrain: RetrainSettings | None = Field(
        default=None,
        description="Rules that start trainings. The decision and its evidence are the asset `retraining`. "
        "Without it only `schedules.train` and commands train.",
    )
    schedules: ScheduleSettings = Field(default=ScheduleSettings(), description="Cron schedules.")
    automation: AutomationSettings = Field(
        default=AutomationSettings(), description="What Dagster's daemon runs automatically."
    )
    freshness: FreshnessSettings = Field(
        default=FreshnessSettings(),
        description="Maximum ages of predictions and champion, and maximum delay of data.",
    )
    alerts: AlertSettings | None = Field(
        default=None, description="Alerts, and the channels that send them; by default none."
    )
    gates: GateSettings = Field(
        default=GateSettings(), description="Gates that a version must pass before promotion."
    )
    approval: ApprovalSettings = Field(
        default=ApprovalSettings(), description="Manual approval before promotion."
    )
    retention: RetentionSettings = Field(
        default=RetentionSettings(), description="How long old table versions and rejected models are kept."
    )
    owners: list[str] = Field(
        default_factory=list, description="Owners of all assets: e-mail addresses or `team:name`."
    )
    tags: dict[str, str] = Field(default_factory=dict, description="Dagster tags of all assets.")

    @property
    def primary_metric(self) -> Metric:
        """The declared metric, else the default of the task."""
        return self.tuning.metric or default_metric(self.task, self.target.quantile)

    @property
    def is_refitted(self) -> bool:
        """Whether the registered model is fitted on the holdout, too."""
        declared = self.training.refit
        return self.partitions is not None if declared is None else declared

    @property
    def monotone_signs(self) -> dict[str, int]:
        """For features with a constraint 1 for increasing, -1 for decreasing."""
        return {name: 1 if direction == "increasing" else -1 for name, direction in self.monotone.items()}
