"""What `defs.yaml` says about columns and classes is compared with what there is, by file and line."""

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
def refuse(make_project) -> Callable[..., list[str]]:
    """Declare a project in its file, and compare; returns the lines of what is told."""

    def run(**settings: Any) -> list[str]:
        project = make_project(**settings)
        declared = {"type": "mlops_assets.ModelProject", "attributes": settings}
        (project.files.folder / "defs.yaml").write_text(yaml.safe_dump(declared), "utf-8")
        with pytest.raises(ProjectError) as told:
            reject_unknown_columns(
                project, model_input_columns(project, FEATURES), FEATURES, ["late", "paid"]
            )
        return told.value.message.replace(f"{project.files.folder}/", "").splitlines()

    return run


def example(**changed: Any) -> dict[str, Any]:
    return {"behaviour": {"examples": [{**SOUND, **changed}]}}


def direction(**changed: Any) -> dict[str, Any]:
    declared = {"column": "income", "by": 1_000, "prediction": "rises", **changed}
    return {"behaviour": {"direction": [declared]}}


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (
            {"evaluation": {"slices": ["share", "incom"]}},
            "defs.yaml:5: evaluation.slices.1 is 'incom', which is no column; did you mean income?",
        ),
        (
            {"evaluation": {"sensitive": ["sex"]}},
            "defs.yaml:4: evaluation.sensitive.0 is 'sex', which is no column; there are amount, income,",
        ),
        (
            {"behaviour": {"invariance": [{"at_most": 0.1, "column": "share"}]}},
            "defs.yaml:5: behaviour.invariance.0.column is 'share', which is no column",
        ),
        (
            {"behaviour": {"invariance": [{"at_most": 0.1, "column": "income", "values": ["much"]}]}},
            "defs.yaml:7: behaviour.invariance.0.values.0 is 'much', and income is a number",
        ),
        (
            direction(column="purpose"),
            "defs.yaml:5: behaviour.direction.0.column is 'purpose', which is",
        ),
        (
            direction(of_class="lost"),
            "defs.yaml:6: behaviour.direction.0.of_class is 'lost', and the classes are 'late', 'paid'",
        ),
        (example(label="lost"), "defs.yaml:4: behaviour.examples.0.label is 'lost', and the classes are"),
        (
            example(row={**SOUND["row"], "income": "3k"}),
            "defs.yaml:8: behaviour.examples.0.row.income is '3k', and income is a number",
        ),
        (
            example(row={"income": 3_000, "purpose": "car"}),
            "defs.yaml:6: behaviour.examples.0.row lacks amount, which no row is without",
        ),
    ],
)
def test_what_there_is_not_is_named_with_file_and_line(refuse, record_property, settings, told):
    lines = refuse(**settings)
    record_property("told", lines[0])
    assert len(lines) == 1
    assert lines[0].startswith(told)


def test_all_faults_are_told_at_once(refuse):
    faults = refuse(evaluation={"slices": ["incom"]}, **direction(column="amout"))
    assert [line.split(" is ")[0].partition(": ")[2] for line in faults] == [
        "evaluation.slices.0",
        "behaviour.direction.0.column",
    ]


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (
            {"behaviour": {"direction": [direction()["behaviour"]["direction"][0]] * 2}},
            "behaviour.direction.1.name is needed: another test is called direction_income",
        ),
        (example(label=None), "behaviour.examples.0 expects one thing of its row"),
        (example(value=3.0), "behaviour.examples.0 expects one thing of its row"),
        (example(label=None, value=3.0, within=1.0), "value is for numbers, and task is binary"),
        (example(within=1.0), "behaviour.examples.0.within goes with `value`"),
        (example(label=None, at_least=0.9, at_most=0.1), "at_least is 0.9, more than at_most, 0.1"),
        (
            {"task": "multiclass", **direction()},
            "of_class is missing: the probability of which class is meant?",
        ),
        ({"task": "regression", **example()}, "behaviour.examples.0.label is for classes"),
        (
            {"behaviour": {"invariance": [{"column": "income", "at_most": 1, "by": 1, "values": [2]}]}},
            "behaviour.invariance.0.by goes without `values`",
        ),
    ],
)
def test_a_test_that_contradicts_itself_or_the_task_is_refused(make_project, settings, told):
    with pytest.raises(ValidationError, match=told):
        make_project(**settings)


def test_what_there_is_passes(make_project):
    project = make_project(evaluation={"slices": ["share", "amount"], "sensitive": ["purpose"]}, **example())
    reject_unknown_columns(project, model_input_columns(project, FEATURES), FEATURES, ["late", "paid"])
