"""`mlops run` of a project with sensitive columns that predicts the rows of `scoring` with its champion."""

import json
from datetime import datetime
from pathlib import Path

import pandas as pd
import pytest
import yaml

from mlops_assets.core import names
from mlops_assets.core.errors import StoreError, TrackingError
from mlops_assets.models import load_champion, load_version
from mlops_assets.stores.system.row_id_key import KEY_VARIABLE
from mlops_assets.stores.warehouse.warehouse import Warehouse
from mlops_assets.workspace.health import ledger_checks
from mlops_assets.workspace.health.model_files import check_model_files
from mlops_assets.workspace.workspace import Workspace
from mlops_assets_tests.support.command_line import flat, mlops
from mlops_assets_tests.support.markers import DECLARED, MARKER, SCHEMA_FIELDS, marked_files, with_markers
from mlops_assets_tests.support.swapped_model import swap_model

KEY = "v" * 40
PURPOSE = "    purpose: str = pa"


@pytest.fixture
def scored(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The lending project, with a folder for loans to predict and a champion from the first run.

    The key of row IDs decides the sides of the split: a generated one makes a champion in most runs only.
    """
    monkeypatch.setenv(KEY_VARIABLE, "r" * 40)
    [file] = place.glob("*/defs/lending/defs.yaml")
    declared = yaml.safe_load(file.read_text("utf-8"))
    declared["attributes"] |= {
        "scoring": {"source": "new/*.csv", "columns": ["amount"], "max_rejected_share": 0.5},
        "schedules": {"score": "@daily"},
        "freshness": {"predictions_hours": 24},
        "evaluation": {"slices": ["town", "born"], "sensitive": ["town"]},
        "behaviour": {"invariance": [{"name": "town_has_no_effect", "column": "town", "at_most": 0.1}]},
    }
    declared["attributes"]["tables"]["loans"] |= {
        "key": ["email"],
        "sensitive": DECLARED,
        "max_rejected_share": 0.1,
    }
    file.write_text(yaml.safe_dump(declared), "utf-8")
    schema = file.parent / "schema.py"
    schema.write_text(schema.read_text("utf-8").replace(PURPOSE, f"{SCHEMA_FIELDS}{PURPOSE}", 1), "utf-8")
    loans = with_markers(pd.read_csv(place / "data" / "loans.csv"))
    invalid = loans.tail(4).astype(object)
    for row, (name, value) in enumerate(
        {"email": "zqmailbroken", "phone": "zqmailphone", "town": "zqtownx", "born": "07:53:19"}.items()
    ):
        invalid.iloc[row, invalid.columns.get_loc(name)] = value
    pd.concat([loans, invalid]).to_csv(place / "data" / "loans.csv", index=False)
    (place / "new").mkdir()
    return place


def materialized(place: Path) -> dict[str, int]:
    """Number of materializations of each asset."""
    keys = Workspace(place).project("lending")
    with Workspace(place).instance() as instance:
        return {key.path[1]: len(instance.fetch_materializations(key, limit=100).records) for key in keys}


def test_rows_to_predict_are_validated_and_predicted_after_each_change(scored, monkeypatch):
    first = mlops("run", "lending")
    assert first.exit_code == 0, first.output
    assert "table scoring: no file at" in flat(first.output)
    before = materialized(scored)
    assert (before["champion"], before["raw_scoring"], before["predictions"]) == (1, 0, 0), first.output
    tables = Warehouse(scored / "data" / "state" / "warehouse")
    trained = tables.frame(("lending", "training_set")).set_index("row_id")["_split"]
    loans = tables.frame(("lending", "validated_loans")).set_index("row_id")
    known = pd.concat([loans.loc[trained[trained == side].index[:2]] for side in (names.TRAIN, "holdout")])
    rows = known.reset_index()[["income", "amount", "purpose", "email", "phone", "town", "born"]]
    others = pd.DataFrame({"income": [1234.5, -1.0], "amount": [99.0] * 2, "purpose": ["house"] * 2})
    rows = pd.concat([rows, with_markers(others, 700)], ignore_index=True)
    rows.to_csv(scored / "new" / "monday.csv", index=False)

    second = mlops("run", "lending")
    assert second.exit_code == 0, second.output
    after = materialized(scored)
    assert {name for name in after if after[name] > before[name]} == {
        "raw_scoring",
        "validated_scoring",
        "quarantine_scoring",
        "predictions",
        "status_page",
        "data_quality",
        "drift_report",
        "performance_report",
    }
    figures = tables.frame(("lending", "data_quality")).set_index(["measure", "column_name"])["value"]
    assert figures["rows"].tolist() == [5.0]
    assert figures["rejected_share"].tolist() == [pytest.approx(1 / 6)]
    found = tables.frame(("lending", "predictions")).set_index("amount").loc[rows["amount"][:5]]
    assert found.columns.tolist() == [
        "row_id",
        "email",
        "prediction",
        "probability",
        "model_version",
        "in_training",
    ]
    assert found["in_training"].tolist() == [True, True, False, False, False]
    assert set(found["model_version"]) == {1}
    assert set(found["row_id"].iloc[:4]) == set(known.index)
    [rejected] = tables.frame(("lending", "quarantine_scoring"))["_broken_rules"]
    assert list(rejected) == ["income: greater_than(0)"]
    done = mlops("predict", "lending", "--data", "new/monday.csv", "--to", "monday.parquet")
    assert done.exit_code == 3, done.output
    predicted = pd.read_parquet("monday.parquet")
    assert predicted["email"].tolist() == rows["email"][:5].tolist()
    assert predicted["probability"].tolist() == found["probability"].tolist()

    assert "up to date" in mlops("run", "lending").output
    (scored / "new" / "monday.csv").unlink()
    third = mlops("run", "lending")
    assert (third.exit_code, "table scoring: no file at" in flat(third.output)) == (0, True)
    assert len(tables.frame(("lending", "predictions"))) == 5

    query = next(scored.glob("*/defs/lending/features.sql"))
    text = query.read_text("utf-8")
    query.write_text(text.replace("purpose from", "purpose, email::int as number from"), "utf-8")
    failed = mlops("run", "lending")
    assert "features.sql: it failed with ConversionException, whose message may quote" in flat(failed.output)
    query.write_text(text, "utf-8")
    with (scored / "data" / "loans.csv").open("a", encoding="utf-8") as file:
        file.write("1,1,car,paid,zqmail9@x.org,491517000009,zqtown1,1999-05-17 07:53:11,zqtown2\n")
    malformed = mlops("run", "lending")
    assert "row 305 (line 306) has 9 fields, the header 8\n" in malformed.output
    outputs = [first, second, done, third, failed, malformed]
    assert not [found for one in outputs if (found := MARKER.findall(one.output.encode()))]
    written_by_the_author = {"zqtown0", "zqtown1", "zqtown2"}
    found = marked_files(scored / "data" / "state")
    assert {Path(name).name: marks for name, marks in found.items()} == {"schema.py": written_by_the_author}
    assert len(tables.frame(("lending", "quarantine_loans"))) == 4

    loans_file = scored / "data" / "loans.csv"
    loans_file.write_text("".join(loans_file.read_text("utf-8").splitlines(keepends=True)[:-1]), "utf-8")
    _sign(monkeypatch)
    assert load_champion("lending").digest() == load_version("lending", 1).digest()
    swap_model(Workspace(scored).tracking, "lending", 1)
    rows.iloc[1:].to_csv(scored / "new" / "tuesday.csv", index=False)
    refused = "lending: version 1 in MLflow is not the one that the ledger records: model_digest is"
    options = ("predict", "lending", "--data", "new/tuesday.csv", "--to", "tuesday.parquet")
    for command in (
        ("run", "lending"),
        *((*options, *one) for one in ((), ("--version", "1"), ("--alias", "champion"))),
    ):
        stopped = mlops(*command)
        assert (stopped.exit_code, refused in flat(stopped.output)) == (1, True), stopped.output
    assert not (scored / "tuesday.parquet").exists()
    for load in (load_champion, lambda name: load_version(name, 1)):
        with pytest.raises(StoreError, match=refused):
            load("lending")
    with pytest.raises(TrackingError, match=f"the champion of lending can't be loaded: {refused}"):
        check_model_files(Workspace(scored))


def _sign(monkeypatch) -> None:
    """Sign the ledger, and find what happens before and without the key, and with a clock that is behind."""
    with monkeypatch.context() as patched:
        patched.setattr(ledger_checks, "datetime", ClockOf2020)
        behind = flat(mlops("run", "lending").output)
        assert "note: the clock of this machine shows 2020-01-01 00:00:00 UTC, " in behind
    unsigned = json.loads(mlops("audit", "lending", "--json").output)[0]
    assert (unsigned["errors"], len(unsigned["notes"])) == ([], 1)
    head = unsigned["notes"][0].rpartition(" --head ")[2]
    invalid = mlops("audit", "lending", "--head", head[:-1])
    assert (invalid.exit_code, "--head is no entry of a ledger" in invalid.output) == (1, True)
    monkeypatch.setenv("MLOPS_LEDGER_KEY", KEY)
    stopped = mlops("run", "lending", "--force")
    assert (stopped.exit_code, "is not signed, and MLOPS_LEDGER_KEY is set" in stopped.output) == (1, True)
    signed = mlops("sign", "lending", "--reason", "the key is in the vault")
    assert (signed.exit_code, "is signed with the key" in signed.output) == (0, True), signed.output
    audited = mlops("audit", "lending", "--head", head)
    assert (audited.exit_code, "signatures: entries 1 to 3 without one; " in audited.output) == (0, True)
    assert KEY not in signed.output + audited.output + stopped.output
    with monkeypatch.context() as patched:
        patched.delenv("MLOPS_LEDGER_KEY")
        stopped = mlops("run", "lending", "--force")
        assert (stopped.exit_code, "and MLOPS_LEDGER_KEY is not set" in stopped.output) == (1, True)


class ClockOf2020(datetime):
    """A clock that was set back."""

    @classmethod
    def now(cls, zone):
        return datetime(2020, 1, 1, tzinfo=zone)


def test_the_definitions_have_a_sensor_a_schedule_and_a_job_for_the_rows_to_predict(scored):
    workspace = Workspace(scored)
    repository = workspace.definitions.get_repository_def()
    assert {"lending_scoring_files", "lending_new_champion"} <= {
        sensor.name for sensor in repository.sensor_defs
    }
    assert [schedule.name for schedule in repository.schedule_defs] == ["lending_score_schedule"]
    assert repository.has_job("lending_score")
    specs = {spec.key.path[1]: spec for spec in workspace.definitions.resolve_all_asset_specs()}
    assert {key.path[1] for key in (dep.asset_key for dep in specs["predictions"].deps)} == {
        "validated_scoring",
        "champion",
    }
    assert specs["predictions"].freshness_policy is not None
