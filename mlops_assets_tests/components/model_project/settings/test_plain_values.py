"""Declarations without templates: the settings are those that Dagster's own resolution returns."""

from pathlib import Path

import dagster as dg
import pytest
import yaml
from pydantic import TypeAdapter

from mlops_assets import ModelProject
from mlops_assets.compat.dagster_texts import plain_values, without_literals
from mlops_assets.components.model_project.settings.project import ProjectSettings

EXAMPLES = Path(__file__).parents[4] / "docs" / "_generate" / "examples.yaml"


@pytest.mark.parametrize("declared", list(yaml.safe_load_all(EXAMPLES.read_text("utf-8"))))
def test_settings_without_templates_are_those_that_dagster_resolves(declared):
    """The examples use every setting."""
    declared = {**declared, "description": "two\nlines\n", "limits": ["64", "1,2", "True", " None", "{}", ""]}
    plain = ModelProject(**plain_values(declared))
    model = without_literals(ModelProject.model().model_validate(declared))
    resolved = ModelProject.resolve_from_model(dg.ResolutionContext.default(), model)
    assert plain == resolved
    assert plain.model_dump(exclude_unset=True) == resolved.model_dump(exclude_unset=True)
    assert (plain.description, plain.limits[1]) == ("two\nlines", "1,2")


def test_a_template_anywhere_is_resolved_by_dagster():
    assert plain_values({"tables": {"loans": {"key": ["{{ env.KEY }}"]}}}) is None
    assert plain_values({"tables": {"loans": {"key": ["{# comment #}id"]}}}) is None
    assert plain_values({"tables": {"loans": {"key": ["{id}"]}}}) == {"tables": {"loans": {"key": ["{id}"]}}}


def test_the_json_schema_for_dagster_is_that_of_its_own_model():
    own = ModelProject.get_model_cls()
    assert own.model_json_schema() == ModelProject.model().model_json_schema()
    assert TypeAdapter(own).json_schema()["properties"].keys() == ProjectSettings.model_fields.keys()
