"""Settings of monitoring: what has no effect is refused, with its path."""

import pytest

from mlops_assets.components.model_project.component import ModelProject
from mlops_assets_tests.components.model_project.settings.rules.test_consistency import (
    LOANS,
    changed,
    error_of,
)
from mlops_assets_tests.support.shop import SETTINGS

LOGGED = {**LOANS, "serving": {"log": {"enabled": True}}}
KEYED = changed(LOGGED, "tables.loans.key", ["id"])
EVENTS = {**SETTINGS, "monitoring": {"reports": ["performance"]}}
CLASSES = {"task": "multiclass", "tuning": {"metric": "log_loss"}}
QUANTILE = {"task": "regression", "target": {**SETTINGS["target"], "quantile": 0.9}}
BIAS = {"mean_error_margin": 0.05}


@pytest.mark.parametrize(
    ("settings", "performance", "message"),
    [
        (
            changed(EVENTS, "monitoring.reports", ["drift"]),
            {"margin": 0.01},
            "monitoring.performance requires performance in monitoring.reports, which leaves it out",
        ),
        (LOANS, {"margin": 0.01}, "monitoring.performance requires predictions; declare `scoring`"),
        (
            LOGGED,
            {"margin": 0.01},
            "monitoring.performance requires a key, by which targets belong",
        ),
        (EVENTS, {"live_days": 9}, "live_days requires the log of requests; declare `serving.log`"),
        (
            {**EVENTS, "serving": {"log": {"enabled": True}}},
            {"live_days": 9},
            "live_days has no effect with partitions: a report reads the requests of its period",
        ),
        (KEYED, {"live_days": 0}, "greater than or equal to 1"),
        (EVENTS | CLASSES, BIAS, "mean_error_margin is for two classes or regression; use margin"),
        (EVENTS | QUANTILE, BIAS, "mean_error_margin has no effect on target.quantile"),
        (EVENTS, {"margin": -0.01}, "greater than or equal to 0"),
    ],
)
def test_settings_of_performance_without_an_effect_are_refused(settings, performance, message):
    declared = changed(settings, "monitoring.performance", performance)
    assert message in error_of(declared)
    del declared["monitoring"]["performance"]
    assert ModelProject.model_validate(declared)


def test_the_performance_of_logged_requests_may_be_declared_without_scoring():
    declared = ModelProject.model_validate(
        changed(KEYED, "monitoring.performance", {"margin": 0.01, "live_days": 60})
    )
    assert declared.monitoring.performance.live_days == 60
