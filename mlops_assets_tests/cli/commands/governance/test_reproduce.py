"""`mlops reproduce`, `mlops card` and `mlops diff` on one trained version."""

import json

import yaml

from mlops_assets.stores.warehouse.warehouse import Warehouse
from mlops_assets.workspace.project_run import ProjectRun
from mlops_assets_tests.support.command_line import mlops
from mlops_assets_tests.support.loans import loans


def test_a_card_of_a_project_without_a_champion_is_an_error(place, record_property):
    done = mlops("card", "lending")
    assert (done.exit_code, "lending has no champion" in done.output) == (1, True)
    record_property("message", done.output)


def test_a_version_is_reproduced_compared_and_described(lending, record_property):
    card = mlops("card", "lending").stdout
    assert card.startswith("# lending, version 1\n")
    assert mlops("card", "lending", "1").stdout == card
    done = mlops("diff", "lending", "1", "1")
    assert done.exit_code == 0, done.output
    assert "versions 1 and 1 are the same model" in done.stdout
    assert "training set: the same rows" in done.stdout
    compared = json.loads(mlops("diff", "lending", "1", "1", "--json").stdout)
    assert compared["metrics"]["test_roc_auc"][0] == compared["metrics"]["test_roc_auc"][1]

    [sql] = lending.rglob("defs/lending/features.sql")
    sql.with_name("pipeline.py").write_text("def make_pipeline():\n    raise ValueError('no')\n", "utf-8")
    done = mlops("reproduce", "lending", "1")
    assert done.exit_code == 1
    message = "different  lending version 1, refitted\ndifferences:\n  fit: lending: "
    assert done.stdout.startswith(message), done.output
    assert "      +def make_pipeline():\n" in done.stdout
    record_property("message", done.output)
    for command in (("diff", "lending", "1", "7"), ("card", "lending", "7")):
        done = mlops(*command)
        assert (done.exit_code, "lending has no version 7 in the registry" in done.output) == (1, True)
        record_property("message", done.output)


TARGET_ENCODER = """from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.preprocessing import TargetEncoder


def make_pipeline():
    return make_column_transformer((TargetEncoder(), make_column_selector()))
"""


def test_a_version_with_an_unseeded_target_encoder_is_reproduced_until_a_row_is_forgotten(
    place, record_property, monkeypatch
):
    [sql] = place.rglob("defs/lending/features.sql")
    sql.with_name("pipeline.py").write_text(TARGET_ENCODER, "utf-8")
    written = sql.with_name("defs.yaml")
    declared = yaml.safe_load(written.read_text("utf-8"))
    declared["attributes"]["training"] = {"refit": True}
    written.write_text(yaml.safe_dump(declared), "utf-8")
    assert mlops("run", "lending").exit_code == 0
    assert "The deployed model was refitted on all labelled rows." in mlops("card", "lending", "1").stdout
    done = mlops("reproduce", "lending", "1", "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    fitted = [(refit["role"], refit["outcome"], refit["fitted_rows"]) for refit in found["refits"]]
    assert fitted == [("evaluated", "identical", 248), ("serving", "identical", 300)]
    _forget_a_row_and_verify_it(place, record_property, monkeypatch)


def _forget_a_row_and_verify_it(place, record_property, monkeypatch):
    """Of the trained project, whose derived tables have no column of the entity."""
    income, amount = map(str, loans(300).loc[7, ["income", "amount"]])
    done = mlops("forget", "lending", "--entity", income, "--dry-run")
    assert "declares no entity" in done.output
    record_property("message", done.output)
    entity = ("--entity", income, "--entity", amount, "--column", "income", "--column", "amount")
    found = json.loads(mlops("forget", "lending", *entity, "--dry-run", "--json").stdout)
    rows = {one["table"]: one["rows"] for one in found["tables"]}
    tables = ("training_set", "features", "validated_loans", "raw_loans")
    assert rows == {f"lending.{table}": 1 for table in tables} | {"lending.quarantine_loans": 0}
    assert [(one["place"], one["rows"]) for one in found["sources"]] == [("loans.csv", 1)]
    assert [(one["version"], one["rows"]) for one in found["models"]] == [(1, 1)]
    assert mlops("audit", "lending", "--forgotten", income, "--forgotten", amount).exit_code == 1

    runs: list[str] = []
    with monkeypatch.context() as without_run:
        without_run.setattr(ProjectRun, "execute", lambda run, progress: runs.append(run.plan.project))
        done = mlops("forget", "lending", *entity, "--reason", "a letter", "--retrain")
    assert (done.exit_code, "4 rows removed from 4 tables" in done.output) == (0, True), done.output
    assert (runs, "add --retrain" in done.output) == (["lending"], False)
    done = mlops("audit", "lending", "--forgotten", income, "--forgotten", amount)
    assert done.exit_code == 0, done.output
    done = mlops("audit", "lending")
    assert "ok    forgotten entities, 1, in 5 tables" in done.output, done.output
    done = mlops("reproduce", "lending", "1")
    assert done.exit_code == 1
    assert "1 rows of forgotten entities were removed from its training set" in done.output
    record_property("message", done.output)
    assert mlops("run", "lending", "--until", "validated_loans", "--force").exit_code == 0
    with Warehouse(place / "data" / "state" / "warehouse").connect() as connection:
        valid = Warehouse(place / "data" / "state" / "warehouse").relation(
            connection, ["lending", "validated_loans"]
        )
        assert len(valid) == 299
