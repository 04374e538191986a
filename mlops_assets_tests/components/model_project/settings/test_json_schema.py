"""The JSON schema of `defs.yaml`: it accepts what Dagster loads, and names the setting that is wrong."""

from pathlib import Path

import pytest
import yaml
from jsonschema import Draft7Validator

import mlops_assets
from mlops_assets.components.model_project.settings.json_schema import (
    declaration_schema,
    schema_reference,
    schema_text,
    write_schema,
)

SHIPPED = sorted(Path(mlops_assets.__file__).parent.glob("defs/*/defs.yaml"))
DECLARATION = {
    "type": "mlops_assets.ModelProject",
    "attributes": {
        "description": "Which loans are paid late.",
        "task": "binary",
        "target": {"column": "outcome"},
        "tables": {"loans": {"source": "data/*.csv"}},
    },
}


@pytest.fixture(scope="module")
def validator() -> Draft7Validator:
    Draft7Validator.check_schema(declaration_schema())
    return Draft7Validator(declaration_schema())


def attributes(**changed):
    return {**DECLARATION, "attributes": {**DECLARATION["attributes"], **changed}}


def test_two_projects_are_shipped():
    assert [path.parent.name for path in SHIPPED] == ["california_housing", "customer_churn"]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.parent.name)
def test_the_declarations_of_the_shipped_projects_are_valid(validator, path):
    assert not list(validator.iter_errors(yaml.safe_load(path.read_text("utf-8"))))


@pytest.mark.parametrize(
    ("declaration", "where"),
    [
        (attributes(task="clustering"), "attributes.task"),
        (attributes(tuning={"trials": 0}), "attributes.tuning.trials"),
        (attributes(tuning={"trails": 5}), "attributes.tuning"),
        (attributes(tables={"loans": {"key": ["id"]}}), "attributes.tables.loans"),
        (attributes(schedules={"train": "every monday"}), "attributes.schedules.train"),
        ({**DECLARATION, "type": "mlops_assets.Stores"}, "type"),
        ({"type": "mlops_assets.ModelProject"}, ""),
    ],
)
def test_an_invalid_declaration_fails_at_the_setting_that_is_wrong(validator, declaration, where):
    errors = list(validator.iter_errors(declaration))
    assert errors
    places = {".".join(map(str, place)) for error in errors for place in _places(error)}
    assert where in places


def _places(error):
    """Paths of an error and of the alternatives that it comes from."""
    yield error.absolute_path
    for cause in error.context:
        yield from _places(cause)


def test_a_template_stands_for_any_value(validator):
    assert not list(validator.iter_errors(attributes(tuning={"trials": "{{ env.TRIALS }}"})))
    assert list(validator.iter_errors(attributes(tuning={"trials": "many"})))


def test_every_setting_is_described():
    for name, definition in declaration_schema()["$defs"].items():
        for setting, schema in definition.get("properties", {}).items():
            assert schema.get("description"), f"{name}.{setting}"


def test_the_schema_lies_in_the_root_and_the_reference_leads_there(tmp_path):
    folder = tmp_path / "src" / "my_models" / "defs" / "lending"
    folder.mkdir(parents=True)
    written = write_schema(tmp_path)
    assert written.read_text("utf-8") == schema_text()
    assert schema_reference(tmp_path, folder) == "../../../../defs.schema.json"
    assert (folder / schema_reference(tmp_path, folder)).resolve() == written
