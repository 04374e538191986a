"""Settings of the fairness constraint."""

from typing import Literal

from pydantic import Field

from mlops_assets.components.model_project.settings.base import Settings


class FairnessSettings(Settings):
    """A constraint on the groups of a protected column, met by a decision threshold for each group."""

    constraint: Literal["demographic_parity", "equalized_odds"] = Field(
        description="`demographic_parity`: limit the difference between the groups' shares of rows that are "
        "predicted as the second class. `equalized_odds`: limit the differences between their true positive "
        "rates and between their false positive rates."
    )
    at_most: float = Field(
        gt=0,
        lt=1,
        description="Maximum difference between two groups, such as `0.05`. The thresholds are chosen on "
        "out-of-fold predictions; the check `fairness_constraint` measures the difference on the holdout.",
    )
    column: str | None = Field(
        default=None,
        description="Sensitive column: of the table or of the features, in an event project of the features. "
        "Predictions read it. By default the only column of `evaluation.sensitive`.",
    )
    edges: list[float] = Field(
        default_factory=list,
        description="Numeric columns: first value of the second and of each following group, such as "
        "`[25, 60]`. By default each value is a group.",
    )
    minimum_rows: int = Field(
        default=100,
        ge=30,
        description="Minimum number of training rows of a group, for `equalized_odds` of each class. Smaller "
        "groups are pooled; if the pool is too small, its rows have the threshold without the constraint.",
    )
