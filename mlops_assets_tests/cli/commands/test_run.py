"""`mlops run`: what it materializes, prints and rejects."""

import dagster as dg
import pytest

from mlops_assets.stores.warehouse.warehouse import Warehouse
from mlops_assets.workspace.workspace import Workspace
from mlops_assets_tests.support.command_line import flat, mlops
from mlops_assets_tests.support.dg_project import FIRST_RUN
from mlops_assets_tests.support.loans import loans


def test_a_run_prints_its_progress_and_a_summary(trained_lending, lending):
    printed = (lending / FIRST_RUN).read_text("utf-8")
    for asset in ("raw_loans", "features", "training_set", "tuned_model", "evaluation_report", "champion"):
        assert f"{asset}: done, " in printed
    output = flat(printed)
    assert "600 read, 600 validated, 0 quarantined" in output
    assert "registered models:/lending/1" in output
    assert "models:/lending@champion is version 1" in output
    assert "evaluation_report.html" in output
    assert "http://127.0.0.1:3000" in output
    assert "status_page: done, " in printed
    page = trained_lending / "data" / "state" / "reports" / "lending" / "status.html"
    assert f"status {page}" in output.replace("\n", "")
    assert "version 1" in page.read_text("utf-8")
    with Workspace(lending).instance() as instance:
        found = instance.get_latest_materialization_event(dg.AssetKey(["lending", "status_page"]))
    metadata = found.asset_materialization.metadata
    assert "champion: version 1" in metadata["summary"].value
    assert 0 < metadata["healthy_assets"].value <= metadata["assets"].value


def test_a_run_and_its_materializations_are_in_dagsters_instance(place):
    assert mlops("run", "lending", "--until", "features").exit_code == 0
    with Workspace(place).instance() as instance:
        [run] = instance.get_runs()
        assert run.is_success
        assert instance.get_latest_materialization_event(dg.AssetKey(["lending", "features"]))
    assert len(Warehouse(place / "data" / "state" / "warehouse").frame(("lending", "features"))) == 300


def test_data_can_be_read_from_another_file_or_folder(place, tmp_path):
    other = tmp_path / "mine"
    other.mkdir()
    loans(40).to_csv(other / "Export 2026.csv", index=False)
    for source in (other, other / "Export 2026.csv"):
        done = mlops("run", "lending", "--data", str(source), "--until", "features")
        assert done.exit_code == 0, done.output
        assert "40 read, 40 validated" in flat(done.output)


def test_invalid_data_exits_with_1_and_names_the_rule(place):
    frame = loans(100)
    frame.loc[:20, "income"] = -1.0
    frame.to_csv(place / "data" / "loans.csv", index=False)
    done = mlops("run", "lending")
    assert done.exit_code == 1
    assert "21 of 100 rows (21.00%) violate the contract; the limit is 5.00%" in flat(done.output)
    assert "Traceback" not in done.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "landing"), "there is no project landing hint: did you mean lending?"),
        (("run", "lending", "--until", "moon"), "lending has no asset moon"),
        (("run", "lending", "--data", "nowhere.csv"), "no file at"),
        (("fetch", "lending"), "the data can't be fetched: no route to host"),
    ],
)
def test_an_error_has_a_message_and_a_hint(place, arguments, message):
    done = mlops(*arguments)
    assert done.exit_code == 1
    assert message in flat(done.output)
    assert "hint: " in done.output
    assert "Traceback" not in done.output


def test_every_command_has_help_with_an_example():
    for command in ("run", "fetch", "ui"):
        assert "Example: mlops" in mlops(command, "--help").output
