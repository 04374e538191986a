"""Scores of single rows as plain values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Path = Literal["compiled", "reference"]
"""How a row was scored: by `CompiledScorer`, or by `RowScorer`, whose answers are the same."""


@dataclass(frozen=True, slots=True)
class RowScores:
    """The scores of a sequence of rows.

    Attributes
    ----------
    outputs
        For each row its outputs by name, in the order of `output_schema`; None where it is rejected.
    rejected
        The violated rules of each rejected row, by its position from 0.
    """

    outputs: Sequence[dict[str, Any] | None]
    rejected: Mapping[int, list[str]] = field(default_factory=dict)
    path: Path = "reference"
