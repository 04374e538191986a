"""Settings of the default preprocessing."""

from typing import Self

from pydantic import Field, model_validator

from mlops_assets.components.model_project.settings.base import Settings
from mlops_assets.ml.encodings import FEW_VALUES, MANY_VALUES, TOPICS, Encoding


class PreprocessingSettings(Settings):
    """How features become numbers in a project without `pipeline.py`."""

    few_values: int = Field(
        default=FEW_VALUES,
        ge=2,
        description="Text with at most this many distinct values in the training rows is one-hot encoded; "
        "values of fewer than one row in 200 share a column.",
    )
    many_values: int = Field(
        default=MANY_VALUES,
        ge=2,
        description="Text with at most this many distinct values, on average in two rows or more, is target "
        "encoded, cross-fitted. All other text is free text.",
    )
    topics: int = Field(
        default=TOPICS,
        ge=0,
        le=100,
        description="Maximum number of topics of a column of free text, beside its cross-fitted prediction "
        "of the target. All such columns together have at most 300.",
    )
    encode: dict[str, Encoding] = Field(
        default_factory=dict,
        description="Encodings by feature, where the automatic choice does not fit: `one_hot`, `target`, "
        "`frequency`, `text` or `date`. Numbers are unchanged unless they are listed.",
    )

    @model_validator(mode="after")
    def _require_ascending_limits(self) -> Self:
        if self.few_values > self.many_values:
            raise ValueError(
                f"preprocessing.few_values is {self.few_values}; it must not exceed "
                f"preprocessing.many_values, {self.many_values}"
            )
        return self
