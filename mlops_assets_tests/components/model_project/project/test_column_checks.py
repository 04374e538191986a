"""Columns and classes in `defs.yaml` are compared with the data; errors have file and line number."""

from collections.abc import Callable
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from mlops_assets.components.model_project.project.column_checks import (
    model_input_columns,
    reject_unknown_columns,
)
from mlops_assets.core.errors import ProjectError

FEATURES = {"row_id": "BIGINT", "income": "DOUBLE", "share": "DOUBLE", "purpose": "VARCHAR"}
SOUND = {"row": {"income": 3_000, "amount": 100.0, "purpose": "car"}, "name": "small", "label": "paid"}


@pytest.fixture
def errors_of(make_project) -> Callable[..., list[str]]:
    """Declare a project in its file and compare it; returns the lines of the error."""

    def run(**settings: Any) -> list[str]:
        project = make_project(**settings)
        declared = {"type": "mlops_assets.ModelProject", "attributes": settings}
        (project.files.folder / "defs.yaml").write_text(yaml.safe_dump(declared), "utf-8")
        with pytest.raises(ProjectError) as caught:
            reject_unknown_columns(
                project, model_input_columns(project, FEATURES), FEATURES, ["late", "paid"]
            )
        return caught.value.message.replace(f"{project.files.folder}/", "").splitlines()

    return run


def example(**changed: Any) -> dict[str, Any]:
    return {"behaviour": {"examples": [{**SOUND, **changed}]}}


def direction(**changed: Any) -> dict[str, Any]:
    declared = {"column": "income", "by": 1_000, "prediction": "rises", **changed}
    return {"behaviour": {"direction": [declared]}}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"evaluation": {"slices": ["share", "incom"]}},
            "defs.yaml:5: evaluation.slices.1 is 'incom', which is not a column; did you mean income?",
        ),
        (
            {"evaluation": {"sensitive": ["sex"]}},
            "defs.yaml:4: evaluation.sensitive.0 is 'sex', which is not a column; choose one of amount, "
            "income,",
        ),
        (
            {"prediction_sets": {"groups": ["purpos"]}},
            "defs.yaml:4: prediction_sets.groups.0 is 'purpos', which is not a feature; did you mean "
            "purpose?",
        ),
        (
            {"fairness": {"constraint": "equalized_odds", "at_most": 0.1, "column": "sex"}},
            "defs.yaml:4: fairness.column is 'sex', which is not a column; choose one of amount,",
        ),
        (
            {"preprocessing": {"encode": {"purpos": "text"}}},
            "defs.yaml:4: preprocessing.encode.purpos is 'purpos', which is not a column; did you mean "
            "purpose?",
        ),
        (
            {"evaluation": {"clusters": ["share"]}},
            "defs.yaml:4: evaluation.clusters.0 is 'share', which is not a column; choose one of amount, "
            "income,",
        ),
        (
            {"behaviour": {"invariance": [{"at_most": 0.1, "column": "share"}]}},
            "defs.yaml:5: behaviour.invariance.0.column is 'share', which is not a column",
        ),
        (
            {"behaviour": {"invariance": [{"at_most": 0.1, "column": "income", "values": ["much"]}]}},
            "defs.yaml:7: behaviour.invariance.0.values.0 is 'much'; income is a number",
        ),
        (
            direction(column="purpose"),
            "defs.yaml:5: behaviour.direction.0.column is 'purpose', which is",
        ),
        (
            direction(of_class="lost"),
            "defs.yaml:6: behaviour.direction.0.of_class is 'lost'; the classes are 'late', 'paid'",
        ),
        (example(label="lost"), "defs.yaml:4: behaviour.examples.0.label is 'lost'; the classes are"),
        (
            example(row={**SOUND["row"], "income": "3k"}),
            "defs.yaml:8: behaviour.examples.0.row.income is '3k'; income is a number",
        ),
        (
            example(row={"income": 3_000, "purpose": "car"}),
            "defs.yaml:6: behaviour.examples.0.row lacks required columns: amount",
        ),
    ],
)
def test_an_unknown_column_or_class_is_reported_with_file_and_line_number(
    errors_of, record_property, settings, message
):
    lines = errors_of(**settings)
    record_property("message", lines[0])
    assert len(lines) == 1
    assert lines[0].startswith(message)


def test_all_errors_are_reported_at_once(errors_of):
    lines = errors_of(evaluation={"slices": ["incom"]}, **direction(column="amout"))
    assert [line.split(" is ")[0].partition(": ")[2] for line in lines] == [
        "evaluation.slices.0",
        "behaviour.direction.0.column",
    ]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"behaviour": {"direction": [direction()["behaviour"]["direction"][0]] * 2}},
            "behaviour.direction.1.name is missing: another test is called direction_income",
        ),
        (example(label=None), "behaviour.examples.0 requires exactly one expectation"),
        (example(value=3.0), "behaviour.examples.0 requires exactly one expectation"),
        (example(label=None, value=3.0, within=1.0), "value is for regression only; task is binary"),
        (example(within=1.0), "behaviour.examples.0.within requires `value`"),
        (example(label=None, at_least=0.9, at_most=0.1), "at_least is 0.9; it must not exceed at_most, 0.1"),
        (
            {"task": "multiclass", **direction()},
            "of_class is missing: name the class whose probability is tested",
        ),
        ({"task": "regression", **example()}, "behaviour.examples.0.label is for classification only"),
        (
            {"behaviour": {"invariance": [{"column": "income", "at_most": 1, "by": 1, "values": [2]}]}},
            "behaviour.invariance.0.by conflicts with `values`",
        ),
    ],
)
def test_a_behavioural_test_that_contradicts_itself_or_the_task_is_rejected(make_project, settings, message):
    with pytest.raises(ValidationError, match=message):
        make_project(**settings)


def test_known_columns_and_classes_pass(make_project):
    project = make_project(evaluation={"slices": ["share", "amount"], "sensitive": ["purpose"]}, **example())
    reject_unknown_columns(project, model_input_columns(project, FEATURES), FEATURES, ["late", "paid"])
