"""Errors of definitions: invalid settings and YAML, with file and line."""

import re

import pytest

from mlops_assets_tests.support.command_line import flat, mlops


def test_a_wrong_setting_names_file_and_line(place):
    [declared] = place.rglob("defs.yaml")
    text = declared.read_text("utf-8").replace("task: binary", "task: ranking")
    declared.write_text(text, "utf-8")
    done = mlops("run", "lending")
    assert done.exit_code == 1
    line = text.splitlines().index("  task: ranking") + 1
    assert f"defs.yaml:{line}: task: Input should be 'regression', 'binary' or 'multiclass'" in flat(
        done.output
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [("task: binary", "taks: binary"), ("task: binary", "task: [binary")],
    ids=["key", "syntax"],
)
def test_an_unknown_key_and_broken_yaml_name_file_and_line(place, old, new):
    [declared] = place.rglob("defs.yaml")
    declared.write_text(declared.read_text("utf-8").replace(old, new), "utf-8")
    done = mlops("run", "lending")
    assert done.exit_code == 1
    assert "Traceback" not in done.output
    assert re.search(r'defs\.yaml(:|", line )\d+', done.output)
