"""The generated pages of docs/reference/: they are up to date, complete, and their examples are valid."""

import pytest

from docs._generate import PAGES
from docs._generate.commands import commands, parameters
from docs._generate.configuration import example_documents
from docs._generate.settings import example, groups
from docs._generate.units import UNITS
from mlops_assets import ModelProject
from mlops_assets.cli.app import app

SETTINGS = {setting.path: setting for group in groups() for setting in group.settings}
COMMANDS = dict(commands(app))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_the_committed_page_is_what_the_code_generates(path):
    assert path.read_text("utf-8") == PAGES[path](), "run `make reference` and commit the result"


def test_settings_of_every_depth_are_listed():
    assert {
        "task",
        "tables.<table>.csv.delimiter",
        "behaviour.examples[].within",
        "schedules.backfill.cron",
    } <= set(SETTINGS)


@pytest.mark.parametrize("document", example_documents(), ids=lambda document: document["description"])
def test_example_projects_are_valid(document):
    ModelProject.model_validate(document)


@pytest.mark.parametrize("path", SETTINGS)
def test_every_setting_has_a_description_and_an_example(path):
    assert SETTINGS[path].info.description
    example(example_documents(), path)


def test_every_numeric_setting_and_no_other_has_a_unit():
    assert {path for path, setting in SETTINGS.items() if setting.is_numeric} == set(UNITS)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_option_of_a_command_is_described(words):
    described = list(parameters(COMMANDS[words]))
    assert {"debug"} <= {parameter.name for parameter in described}
    assert all(parameter.info.help for parameter in described)
