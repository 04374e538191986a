"""`mlops schema`: JSON alone on stdout, in any folder."""

import json

from mlops_assets_tests.support.command_line import mlops


def test_the_schema_is_json_alone_on_stdout(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = mlops("schema")
    assert done.exit_code == 0
    assert json.loads(done.stdout)["properties"]["type"] == {
        "const": "mlops_assets.ModelProject",
        "description": "The component that the folder declares.",
    }
