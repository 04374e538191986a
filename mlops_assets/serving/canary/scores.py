"""The number of an answer whose distribution is compared between two versions."""

import math
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, NamedTuple

from mlops_assets.ml.model.model_spec import ModelSpec


class ComparedScore(NamedTuple):
    """What is compared: the probability of the positive class, the class, or the prediction.

    Attributes
    ----------
    column
        A column of the answer.
    is_class
        Whether it holds names of classes, which are compared by a number for each name.
    """

    column: str
    is_class: bool

    @classmethod
    def of(cls, spec: ModelSpec) -> "ComparedScore":
        """What is compared of a model."""
        if spec.task == "binary":
            return cls("probability", False)
        return cls("prediction", spec.task != "regression")

    def of_answer(self, outputs: Mapping[str, Any] | None) -> float:
        """The number of an answer; NaN without one."""
        value = None if outputs is None else outputs.get(self.column)
        if value is None:
            return math.nan
        if self.is_class:
            digest = blake2b(str(value).encode(), digest_size=6).digest()  # 48 bits are exact in a float
            return float(int.from_bytes(digest, "little"))
        return float(value)
