"""The plan of changes: what runs, why, and that a run then does exactly that."""

import shutil

import pytest

from mlops_assets_tests.support.command_line import flat, mlops
from mlops_assets_tests.support.loans import loans
from mlops_assets_tests.support.planned import plan, reasons, run_as_planned, steps
from mlops_assets_tests.support.shop_project import enter_shop_project, write_month

MODEL = ["evaluation_report", "registered_model", "champion"]


def change(place, name: str, before: str, after: str) -> None:
    [file] = place.glob(f"*/defs/*/{name}")
    text = file.read_text("utf-8")
    assert before in text
    file.write_text(text.replace(before, after), "utf-8")


def test_a_plan_before_the_first_run_creates_no_state_and_has_no_durations(place):
    shutil.rmtree(place / "data" / "state")
    found = plan("lending")
    assert not (place / "data" / "state").exists()
    assert reasons(found)["raw_loans"] == "new in data/*.csv"
    assert reasons(found)["champion"] == "not materialized yet"
    assert found["without_estimate"][:3] == ["raw_loans", "quarantine_loans", "validated_loans"]
    assert "the duration is unknown" in flat(mlops("plan", "lending").output)


def test_each_change_of_a_project_has_its_plan_and_its_reason(lending):
    assert plan("lending")["up_to_date"]
    assert "lending is up to date" in mlops("plan", "lending").output

    change(lending, "features.sql", "purpose from", "purpose -- a comment\nfrom")
    found = plan("lending")
    assert list(reasons(found)) == ["features", "training_set", "tuned_model", *MODEL]
    assert reasons(found)["features"] == "features.sql has changed (lines 1-2)"
    assert reasons(found)["training_set"] == "after features"
    assert found["seconds"] > 0
    assert not found["without_estimate"]
    assert found["model"] == [{"cutoff": None, "certain": True}]
    change(lending, "features.sql", "purpose -- a comment\nfrom", "purpose from")

    change(lending, "defs.yaml", "folds: 2", "folds: 3")
    found = plan("lending")
    assert list(reasons(found)) == ["tuned_model", *MODEL]
    assert reasons(found)["tuned_model"] == "setting tuning.folds 2 → 3"
    change(lending, "defs.yaml", "folds: 3", "folds: 2")

    assert plan("lending")["up_to_date"]
    one, four = (plan("lending", "--force")["runs"][0], plan("lending", "--trials", "4")["runs"][0])
    assert reasons({"runs": [four]})["tuned_model"] == "setting tuning.trials 1 → 4"
    seconds = [{each["asset"]: each["seconds"] for each in run["assets"]} for run in (one, four)]
    assert seconds[1]["tuned_model"] == pytest.approx(4 * seconds[0]["tuned_model"], abs=0.3)

    change(lending, "schema.py", "gt=0)\n    amount", "gt=1)\n    amount")
    assert reasons(plan("lending"))["validated_loans"] == "schema.py has changed (line 6)"
    change(lending, "schema.py", "gt=1)\n    amount", "gt=0)\n    amount")
    loans(310).to_csv(lending / "data" / "loans.csv", index=False)
    found = reasons(plan("lending"))
    assert found["raw_loans"] == "data/*.csv has changed"
    assert found["validated_loans"] == "after raw_loans"
    loans(300).to_csv(lending / "data" / "loans.csv", index=False)
    shutil.rmtree(lending / "data" / "state" / "warehouse" / "lending" / "features")
    assert reasons(plan("lending"))["features"] == "its rows are missing in the warehouse"


def test_a_run_of_an_event_project_runs_what_is_planned(tmp_path, monkeypatch, empty_tracking_store):
    place = enter_shop_project(tmp_path / "project", monkeypatch, empty_tracking_store)
    for month in ("2024-03", "2024-04", "2024-05", "2024-06"):
        (place / "data" / "purchases" / f"purchases-{month}.csv").unlink()
    until = ("shop", "--until", "target")
    ran, possible = run_as_planned(*until)
    assert ("features", "2024-02") in ran
    assert not possible
    assert plan(*until)["up_to_date"]

    change(place, "features.sql", "group by customer", "group by customer -- a comment")
    ran, possible = run_as_planned(*until)
    assert ran == {("features", month) for month in ("2024-01", "2024-02")}
    assert {asset for asset, _ in possible} == {"target"}  # if the features changed: they did not
    assert plan(*until)["up_to_date"]

    write_month(place, "2024-02", without_rows=1)
    write_month(place, "2024-03")
    planned = plan(*until)
    by_partition = {run["partitions"][0]: reasons({"runs": [run]}) for run in planned["runs"][:2]}
    assert by_partition["2024-02"]["raw_purchases"] == "data/purchases/*.csv has changed"
    assert by_partition["2024-03"]["raw_purchases"] == "new in data/purchases/*.csv"
    ran, possible = run_as_planned(*until)
    assert ("raw_purchases", "2024-01") not in ran
    assert possible <= ran  # the content of 2024-02 did change

    [file] = place.glob("*/defs/shop/features.sql")
    file.write_text(file.read_text("utf-8").replace("interval 2 month", "interval 1 month"), "utf-8")
    assert steps(plan(*until, "--partition", "2024-03"), certain=True) == {("features", "2024-03")}
