"""`mlops features`: what it prints, and its errors."""

import json

import pytest
from typer.testing import CliRunner

from mlops_assets.cli.app import app
from mlops_assets_tests.support.online import NEW, write_online


@pytest.fixture
def features(tmp_path, monkeypatch):
    """Run `mlops features` in a project whose declarations are known."""
    config = write_online(tmp_path, "shop", ttl_hours=30 * 24)
    monkeypatch.setattr(
        "mlops_assets.workspace.serving.read_declared.read_declared",
        lambda root, projects: config.restricted_to(projects),
    )
    monkeypatch.setattr("mlops_assets.cli.commands.serving.features.find_project_root", lambda: tmp_path)
    return lambda *arguments, given=None: CliRunner().invoke(app, ["features", *arguments], input=given)


def test_features_of_an_entity_are_printed_as_json(features):
    done = features("get", "shop", "--entity", "customer=8")
    assert done.exit_code == 0
    assert json.loads(done.output) == {
        "project": "shop",
        "written_at": "2025-02-01T00:00:00+00:00",
        "rows": [
            {
                "state": "found",
                "partition": "new",
                "as_of": f"{NEW.isoformat()}+00:00",
                "features": {"customer": 8, "orders": 2, "amount": None},
            }
        ],
    }


def test_entities_are_read_from_standard_input_and_one_without_features_ends_with_an_error(features):
    lines = '{"customer": 8}\n\n{"customer": 7}\n{"customer": "x"}\n{"customer": 9}\n'
    done = features("get", "shop", "--entity", "-", "--feature", "orders", given=lines)
    assert done.exit_code == 1
    rows = json.loads(done.output)["rows"]
    assert [row["state"] for row in rows] == ["found", "stale", "invalid", "unknown"]
    assert rows[0]["features"] == {"orders": 2}
    assert rows[1]["problem"].endswith("older than ttl_hours, 720")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["get", "shop", "--entity", "customer"], "write it as --entity COLUMN=VALUE"),
        (["get", "shop", "--entity", "customer=7", "--entity", "customer=8"], "given twice"),
        (["get", "shop", "--entity", "customer=7", "--feature", "order"], "did you mean orders?"),
        (["get", "gym", "--entity", "customer=7"], "project gym is not served"),
        (["get", "shop", "--entity", "-"], "line 1 of the input is not"),
    ],
)
def test_a_wrong_argument_is_an_error_with_the_way_to_write_it(features, arguments, problem):
    done = features(*arguments, given="[1]\n")
    assert done.exit_code == 1
    assert problem in " ".join(done.output.split())


def test_the_status_names_the_store_and_the_age(features, tmp_path):
    found = json.loads(features("status", "shop").output)
    assert found["store"] == str(tmp_path / "online" / "shop.db")
    assert (found["entities"], found["features"]) == (2, ["orders", "amount"])
    assert found["partitions"] == ["old", "new"]
    assert 240 <= found["age_hours"] < 265
