"""Guardrails of a canary."""

from pydantic import Field

from mlops_assets.components.model_project.settings.base import Settings


class CanarySettings(Settings):
    """Limits of the difference between a canary and the champion.

    A canary is withdrawn when a whole confidence interval lies beyond a limit. `null` turns a guardrail off.
    """

    error_rate_difference: float | None = Field(
        default=0.02,
        ge=0,
        lt=1,
        description="Maximum difference of the shares of entities with a request that fails or violates the "
        "contract, canary minus champion.",
    )
    latency_ratio: float | None = Field(
        default=2.0,
        ge=1,
        description="Maximum ratio of the 95th percentiles of the scoring time of single rows, canary to "
        "champion.",
    )
    score_distance: float | None = Field(
        default=0.15,
        ge=0,
        lt=1,
        description="Maximum distance of the distributions of probabilities or predictions: the "
        "Kolmogorov-Smirnov statistic.",
    )
    minimum_entities: int = Field(
        default=100,
        ge=10,
        description="Number of entities that each version must have answered before the first evaluation.",
    )
    window_minutes: float = Field(
        default=60.0,
        gt=0,
        le=10_080,
        description="Length of the window in which entities are counted, each once.",
    )
    withdraw_shadow: bool = Field(
        default=False,
        description="Withdraw a shadow, too, and not only report the guardrails that it breaches.",
    )
