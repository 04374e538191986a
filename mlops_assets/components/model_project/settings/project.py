"""The settings at the top level of `defs.yaml`."""

import dagster as dg
from pydantic import Field

from mlops_assets.components.model_project.settings.automation import (
    AutomationSettings,
    FreshnessSettings,
    ScheduleSettings,
)
from mlops_assets.components.model_project.settings.evaluation import BehaviourSettings, EvaluationSettings
from mlops_assets.components.model_project.settings.governance import (
    ApprovalSettings,
    GateSettings,
    RetentionSettings,
)
from mlops_assets.components.model_project.settings.tables import TableSettings
from mlops_assets.components.model_project.settings.training import (
    PartitionSettings,
    SplitSettings,
    TargetSettings,
    TrainingSettings,
    TuningSettings,
)
from mlops_assets.ml.metrics.tasks import Task


class ProjectSettings(dg.Model):
    """All settings of a project; `settings/consistency.py` holds the rules across them."""

    description: str = Field(description="What is predicted, of what, and what for.")
    task: Task = Field(description="`regression`, `binary` or `multiclass`.")
    target: TargetSettings = Field(description="What is predicted.")
    tables: dict[str, TableSettings] = Field(description="The project's tables by their names.")
    entity: list[str] = Field(
        default_factory=list,
        description="Event projects: the columns that tell what is predicted for, such as the customer.",
    )
    partitions: PartitionSettings | None = Field(
        default=None,
        description="Makes it an event project: how arrivals are cut into partitions.",
    )
    training: TrainingSettings = Field(
        default=TrainingSettings(), description="Event projects: which partitions train."
    )
    split: SplitSettings = Field(
        default=SplitSettings(), description="Which rows judge the model; in an event project time decides."
    )
    tuning: TuningSettings = Field(default=TuningSettings(), description="How the model is searched for.")
    intended_use: str = Field(
        default="", description="What the predictions are meant for, and by whom; stands in the report."
    )
    limits: list[str] = Field(
        default_factory=list,
        description="What the model can't do, or must not be used for; stands in the report.",
    )
    evaluation: EvaluationSettings = Field(
        default=EvaluationSettings(), description="What the report looks at beside the metrics of all rows."
    )
    behaviour: BehaviourSettings = Field(
        default=BehaviourSettings(), description="Tests of what the fitted model does, each a check."
    )
    schedules: ScheduleSettings = Field(default=ScheduleSettings(), description="What runs at set times.")
    automation: AutomationSettings = Field(
        default=AutomationSettings(), description="What follows by itself while Dagster's daemon runs."
    )
    freshness: FreshnessSettings = Field(
        default=FreshnessSettings(), description="How old may be what people rely on."
    )
    gates: GateSettings = Field(
        default=GateSettings(), description="What a version must show before it may serve."
    )
    approval: ApprovalSettings = Field(
        default=ApprovalSettings(), description="Whether a version that passed waits for somebody's word."
    )
    retention: RetentionSettings = Field(
        default=RetentionSettings(), description="How long old versions of tables and rejected models stay."
    )
    owners: list[str] = Field(
        default_factory=list, description="Who answers for it: e-mail addresses or `team:name`."
    )
    tags: dict[str, str] = Field(default_factory=dict, description="More tags for every asset.")
