"""Settings that would show or store values of sensitive columns are rejected."""

from typing import Any

import pytest

from mlops_assets.components.model_project.component import ModelProject
from mlops_assets.components.model_project.settings.rules.sensitive import sensitive_errors

LOANS: dict[str, Any] = {
    "description": "Which loans are paid late.",
    "task": "binary",
    "target": {"column": "outcome"},
    "tables": {"loans": {"source": "data/*.csv"}},
}


@pytest.mark.parametrize(
    ("given", "sensitive", "path", "problem"),
    [
        ({}, "outcome", "target.column", "metrics, reports and predictions show the target"),
        (
            {"split": {"method": "time", "column": "born"}},
            "born",
            "split.column",
            "show the times of a split",
        ),
        (
            {"fairness": {"column": "sex", "constraint": "demographic_parity", "at_most": 0.1}},
            "sex",
            "fairness.column",
            "the model contains its values",
        ),
        (
            {"prediction_sets": {"coverage": 0.9, "groups": ["purpose", "sex"]}},
            "sex",
            "prediction_sets.groups.1",
            "the model contains the values of groups",
        ),
        (
            {
                "tables": {"loans": {"source": "loans.csv", "key": ["id"]}},
                "serving": {"log": {"enabled": True}},
                "monitoring": {"performance": {"margin": 0.1}},
            },
            "id",
            "monitoring.performance",
            "set serving.log.sensitive to hash",
        ),
        ({"sensitive_features": ["sx"]}, "sex", "sensitive_features.0", "is not sensitive; did you mean sex"),
    ],
)
def test_a_setting_that_shows_values_is_rejected(given, sensitive, path, problem):
    settings = ModelProject.model_validate({**LOANS, **given})
    [(found, text)] = sensitive_errors(settings, {sensitive})
    assert found == path
    assert problem in text
    assert not [
        error for error in sensitive_errors(settings, {"email"}) if "sensitive_features" not in error[0]
    ]


def test_groups_and_allowed_features_of_a_sensitive_column_are_accepted():
    declared = {"evaluation": {"sensitive": ["sex"], "slices": ["sex"]}, "sensitive_features": ["sex"]}
    assert not list(sensitive_errors(ModelProject.model_validate({**LOANS, **declared}), {"sex"}))
