"""Projects that change after there is a champion: each change retrains, and is compared or explained."""

import json
from pathlib import Path

import pandas as pd
import pytest
import yaml

from mlops_assets_tests.support.command_line import flat, mlops
from mlops_assets_tests.support.loans import CODED_SCHEMA as CODED
from mlops_assets_tests.support.loans import FEATURES_SQL, coded_loans
from mlops_assets_tests.support.shop import FEATURES_SQL as SHOP_FEATURES
from mlops_assets_tests.support.shop import TARGET_SQL as SHOP_TARGET


@pytest.fixture
def untrained(place) -> Path:
    """A project of loans whose purposes are codes."""
    return with_codes(place)


def with_codes(place: Path) -> Path:
    declare(place, schema=CODED)
    coded_loans().to_csv(place / "data" / "loans.csv", index=False)
    return place


def declare(place: Path, *, project: str = "lending", **files: str) -> None:
    """Write the given files of a project, such as `schema` or `features`."""
    [folder] = place.glob(f"*/defs/{project}")
    for name, text in files.items():
        (folder / {"schema": "schema.py"}.get(name, f"{name}.sql")).write_text(text, "utf-8")


def run(project: str) -> str:
    done = mlops("run", project)
    assert done.exit_code == 0, done.output
    return flat(done.output)


def way(project: str, version: int) -> str:
    return f"`mlops approve {project} {version} --against-gates --reason …`, or `mlops retire {project}"


def test_dropped_and_renamed_features_are_compared_with_the_champion(lending):
    declare(lending, features=FEATURES_SQL.replace("purpose", "purpose as reason"))
    renamed = run("lending")
    assert "registered models:/lending/2" in renamed
    assert "can't be compared" not in renamed
    declare(lending, features="select row_id, income from loans")
    dropped = run("lending")
    assert "registered models:/lending/3" in dropped
    assert "can't be compared" not in dropped
    found = mlops("metrics").stdout
    assert 'mlops_champion_info{project="lending"' in found
    assert 'mlops_asset_rows{asset="validated_loans",project="lending"} ' in found
    assert 'mlops_runs_finished_total{job_name="__ASSET_JOB",project="lending",state="success"} ' in found
    assert 'mlops_collector_success{collector="dagster"} 1.0' in found


def test_a_text_column_that_becomes_a_number_is_explained_and_approved_against_the_gates(lending):
    declare(lending, schema=CODED.replace("purpose: str", "purpose: int"))
    output = run("lending")
    assert "registered models:/lending/2" in output
    assert (
        "version 2 can't be compared with champion version 1: version 1 can't predict the validated rows: "
        "model of lending: column purpose is text, and row"
    ) in output
    assert way("lending", 2) in output
    shadow = mlops("canary", "start", "lending", "--version", "2", "--shadow")
    assert "version 2 is a shadow of 100 % of the traffic; the champion is version 1" in flat(shadow.output)
    assert "mlops canary stop lending" in flat(mlops("canary", "start", "lending", "--version", "2").output)
    stopped = mlops("canary", "stop", "lending", "--reason", "compared")
    assert "version 2 was withdrawn by" in flat(stopped.output)
    known = json.loads(mlops("canary", "status", "lending", "--json").stdout)
    assert (known["champion"], known["challenger"], known["last_withdrawal"]["version"]) == (1, None, 2)
    approved = mlops("approve", "lending", "2", "--against-gates", "--reason", "purpose is a code")
    assert approved.exit_code == 0, approved.output
    assert "models:/lending@champion is version 2" in flat(approved.output)
    assert "lending is up to date" in run("lending")


def test_a_number_that_becomes_text_and_a_stricter_contract_are_compared(lending):
    schema = CODED.replace("amount: float = pa.Field(gt=0)", "amount: str")
    declare(lending, schema=schema, features=FEATURES_SQL.replace("amount", "amount::double"))
    output = run("lending")
    assert "registered models:/lending/2" in output
    assert "can't be compared" not in output
    declare(
        lending, schema=CODED.replace("income: float = pa.Field(gt=0)", "income: float = pa.Field(gt=1100)")
    )
    output = run("lending")
    assert "registered models:/lending/3" in output
    assert "can't be compared" not in output


def test_a_dropped_column_and_other_classes_are_explained(lending):
    declare(
        lending,
        schema=CODED.replace("    purpose: str\n", ""),
        features="select row_id, income, amount / income as share from loans",
    )
    output = run("lending")
    assert (
        "version 1 can't predict the validated rows: model of lending: missing input columns: purpose"
        in output
    )
    assert way("lending", 2) in output

    frame = pd.read_csv(lending / "data" / "loans.csv", dtype=str)
    frame["outcome"] = frame["outcome"].map({"late": "bad", "paid": "good"})
    frame.to_csv(lending / "data" / "loans.csv", index=False)
    declare(
        lending, schema=CODED.replace('isin=["late", "paid"]', 'isin=["bad", "good"]'), features=FEATURES_SQL
    )
    output = run("lending")
    assert "the classes of outcome are bad, good, and they were late, paid" in output
    assert way("lending", 3) in output


def test_after_the_retirement_of_a_leaky_champion_the_rejected_version_is_promoted(untrained):
    leaky = CODED.replace("    outcome:", "    paid_at: str = pa.Field(nullable=True)\n    outcome:")
    declare(
        untrained,
        schema=leaky,
        features="select row_id, amount / income as share, (paid_at is null)::int as leak from loans",
    )
    [declared] = untrained.glob("*/defs/lending/defs.yaml")
    settings = yaml.safe_load(declared.read_text("utf-8"))
    settings["attributes"]["gates"] = {"baseline_margin": 10.0}  # the linear baseline has the leak, too
    declared.write_text(yaml.safe_dump(settings), "utf-8")
    frame = pd.read_csv(untrained / "data" / "loans.csv", dtype=str)
    frame["paid_at"] = frame["outcome"].map({"paid": "yes"})
    frame.loc[::5, "paid_at"] = None
    frame.to_csv(untrained / "data" / "loans.csv", index=False)
    assert "models:/lending@champion is version 1" in run("lending")

    declare(untrained, schema=CODED, features=FEATURES_SQL)
    rejected = run("lending")
    assert "registered models:/lending/2" in rejected
    assert "models:/lending@champion is version 1" in rejected
    retired = mlops("retire", "lending", "--reason", "paid_at is known after the prediction only")
    assert retired.exit_code == 0, retired.output
    after = run("lending")
    assert "up to date" not in after
    assert "models:/lending@champion is version 2" in after
    assert "tuned_model: done" not in after, "the rejected version is evaluated again, not trained"
    assert "lending is up to date" in run("lending")


def test_after_the_retirement_of_the_newest_version_a_new_one_is_trained(lending):
    assert mlops("retire", "lending", "--reason", "a test").exit_code == 0
    after = run("lending")
    assert "tuned_model: done" in after
    assert "models:/lending@champion is version 2" in after
    assert "lending is up to date" in run("lending")


def test_an_event_project_follows_changed_features_and_targets(champion_project):
    place = champion_project
    [assets] = place.glob("*/defs/shop/assets.py")
    assets.unlink()

    text = SHOP_FEATURES.replace("sum(amount::decimal(18, 2))", "if(sum(amount) > 60, 'much', 'little')")
    redefined = SHOP_TARGET.replace("buyers.customer is null", "buyers.customer is not null")
    declare(place, project="shop", features=text, target=redefined)
    output = run("shop")
    assert "models:/shop@champion is version 2" in output, "the comparison is on the new target"
    assert "champion version 1 can't read the columns that features.sql returns: model of shop:" in output
