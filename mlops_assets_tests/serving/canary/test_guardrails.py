"""A guardrail is breached when the whole confidence interval lies beyond its limit."""

import numpy as np
import pytest

from mlops_assets.components.model_project.settings.serving.canary import CanarySettings
from mlops_assets.serving.canary.guardrails import (
    ALPHA,
    Arm,
    GuardrailCheck,
    Guardrails,
    evaluate_guardrails,
    look_alpha,
)

RANDOM = np.random.default_rng(1)


def arm(count: int = 2_000, *, failed: int = 20, scores=None, seconds=None) -> Arm:
    none = np.empty(0)
    return Arm(count, failed, none if scores is None else scores, none if seconds is None else seconds)


def breached(champion: Arm, challenger: Arm, **limits) -> list[str]:
    off = {"error_rate_difference": None, "latency_ratio": None, "score_distance": None}
    checks = evaluate_guardrails(Guardrails(**{**off, **limits}), champion, challenger, 1)
    return [check.guardrail for check in checks if check.is_breached]


@pytest.mark.parametrize(("failed", "expected"), [(20, 0), (60, 0), (90, 1), (2_000, 1)])
def test_a_canary_that_fails_more_often_breaches_when_it_is_significant(failed: int, expected: int):
    assert len(breached(arm(), arm(failed=failed), error_rate_difference=0.01)) == expected


def test_a_few_failures_of_a_few_entities_breach_nothing():
    assert not breached(arm(10, failed=0), arm(10, failed=3), error_rate_difference=0.02)
    assert breached(arm(10, failed=0), arm(10, failed=10), error_rate_difference=0.02)


def test_a_canary_with_other_scores_breaches():
    scores = RANDOM.normal(size=2_000)
    same, other = arm(scores=RANDOM.normal(size=2_000)), arm(scores=RANDOM.normal(size=2_000) + 1)
    assert not breached(arm(scores=scores), same, score_distance=0.1)
    assert breached(arm(scores=scores), other, score_distance=0.1) == [
        "score_distance"
    ]  # its distance is 0.38
    assert not breached(arm(scores=scores), other, score_distance=0.4)


def test_a_slower_canary_breaches():
    seconds = RANDOM.lognormal(-8, 0.5, 2_000)
    slower = arm(seconds=3 * RANDOM.lognormal(-8, 0.5, 2_000))
    assert breached(arm(seconds=seconds), slower, latency_ratio=2.0) == ["latency_ratio"]
    assert not breached(arm(seconds=seconds), slower, latency_ratio=4.0)


def test_without_observations_nothing_is_breached():
    empty = arm(0, failed=0)
    checks = evaluate_guardrails(Guardrails(), empty, empty, 1)
    assert [check.value for check in checks] == [None, None, None]
    assert checks[0].message == "error_rate_difference: nothing to compare yet"


def test_all_looks_together_have_the_stated_error():
    assert sum(look_alpha(look) for look in range(1, 100_000)) == pytest.approx(ALPHA, rel=1e-4)


def test_a_result_is_described_with_its_bound_and_limit():
    check = GuardrailCheck("score_distance", 0.15, 0.41234, 0.3)
    assert check.message == "score_distance 0.4123, at least 0.3 with confidence (limit 0.15)"
    assert check.to_json()["breached"]


def test_settings_of_a_later_release_are_ignored():
    assert Guardrails.of({"latency_ratio": None, "added": 1}) == Guardrails(latency_ratio=None)


def test_the_defaults_of_the_ledger_are_those_of_the_settings():
    assert Guardrails.of(CanarySettings().model_dump()) == Guardrails()
    assert {*vars(Guardrails())} == {*CanarySettings.model_fields}
