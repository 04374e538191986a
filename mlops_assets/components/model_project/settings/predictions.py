"""Settings of batch predictions."""

from pydantic import Field

from mlops_assets.components.model_project.settings.base import Settings


class PredictionSettings(Settings):
    """Columns of batch predictions beside the prediction and its probabilities."""

    contributions: int = Field(
        default=0,
        ge=0,
        le=50,
        description="Number of features that are listed for each row: those with the largest contributions "
        "to the prediction, by SHAP values. Computing them takes much longer than the predictions; by "
        "default none. Existing partitions of an event project are not computed again.",
    )
