"""The `mlops` command in a project: what it runs, prints, skips and rejects."""

import json
import re
import shutil

import dagster as dg
import pytest

from mlops_assets.stores.warehouse.warehouse import Warehouse
from mlops_assets.workspace.workspace import Workspace
from mlops_assets_tests.support.command_line import flat, mlops
from mlops_assets_tests.support.loans import FEATURES_SQL, loans


def test_a_run_shows_its_progress_and_ends_in_a_summary(place):
    done = mlops("run", "lending")
    assert done.exit_code == 0, done.output
    for asset in ("raw_loans", "features", "training_set", "tuned_model", "evaluation_report", "champion"):
        assert f"{asset}: done, " in done.output
    output = flat(done.output)
    assert "300 read, 300 validated, 0 quarantined" in output
    assert "registered models:/lending/1" in output
    assert "models:/lending@champion is version 1" in output
    assert "evaluation_report.html" in output
    assert "http://127.0.0.1:3000" in output


def test_a_second_run_over_unchanged_files_does_nothing(place):
    assert mlops("run", "lending").exit_code == 0
    again = mlops("run", "lending")
    assert again.exit_code == 0
    assert "lending is up to date" in again.output
    assert "tuned_model: done" not in again.output
    assert "rows of loans" in again.output


def test_only_what_changed_runs_again(place):
    assert mlops("run", "lending", "--until", "training_set").exit_code == 0
    [sql] = place.rglob("features.sql")
    sql.write_text(FEATURES_SQL.replace("share,", "share, 1 as one,"), "utf-8")
    again = mlops("run", "lending", "--until", "training_set")
    assert "raw_loans" not in again.output
    assert "features: done" in again.output
    assert "training_set: done" in again.output


def test_changed_files_and_another_number_of_trials_run_again(place):
    until = ("run", "lending", "--until", "tuned_model")
    assert mlops(*until).exit_code == 0
    assert "up to date" in mlops(*until).output
    more = mlops(*until, "--trials", "2")
    assert "tuned_model: trial 2/2" in more.output
    assert "features: done" not in more.output
    loans(310).to_csv(place / "data" / "loans.csv", index=False)
    assert "raw_loans: done" in mlops(*until, "--trials", "2").output


def test_the_run_is_seen_by_dagster_and_its_tables_by_everybody(place):
    assert mlops("run", "lending", "--until", "features").exit_code == 0
    with Workspace(place).instance() as instance:
        [run] = instance.get_runs()
        assert run.is_success
        assert instance.get_latest_materialization_event(dg.AssetKey(["lending", "features"]))
    assert len(Warehouse(place / "data" / "state" / "warehouse").frame(("lending", "features"))) == 300


def test_data_can_come_from_elsewhere_under_any_name(place, tmp_path):
    other = tmp_path / "mine"
    other.mkdir()
    loans(40).to_csv(other / "Export 2026.csv", index=False)
    for source in (other, other / "Export 2026.csv"):
        done = mlops("run", "lending", "--data", str(source), "--until", "features")
        assert done.exit_code == 0, done.output
        assert "40 read, 40 validated" in flat(done.output)


def test_broken_data_ends_with_one_and_the_rule(place):
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
        (("run", "landing"), "there is no project landing hint: choose one of: lending"),
        (("run", "lending", "--until", "moon"), "lending has no asset moon"),
        (("run", "lending", "--data", "nowhere.csv"), "no file at"),
        (("fetch", "lending"), "the data can't be fetched: no route to host"),
    ],
)
def test_a_mistake_is_one_sentence_and_a_hint(place, arguments, message):
    done = mlops(*arguments)
    assert done.exit_code == 1
    assert message in flat(done.output)
    assert "hint: " in done.output
    assert "Traceback" not in done.output


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


def test_outside_a_project_the_command_says_where_to_go(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = mlops("run", "lending")
    assert done.exit_code == 1
    assert "no project at or above" in flat(done.output)


def test_the_state_directory_moves_everything_and_the_instance_too(place, tmp_path, monkeypatch):
    monkeypatch.setenv("MLOPS_STATE_DIR", str(tmp_path / "elsewhere"))
    assert mlops("run", "lending", "--until", "raw_loans").exit_code == 0
    assert (tmp_path / "elsewhere" / "warehouse" / "lending" / "raw_loans").is_dir()
    assert (tmp_path / "elsewhere" / "dagster" / "dagster.yaml").is_file()
    assert not (place / "data" / "state" / "warehouse").exists()


def test_an_instance_of_the_users_own_stays_chosen(place, tmp_path, monkeypatch):
    home = tmp_path / "own_home"
    home.mkdir()
    (home / "dagster.yaml").touch()
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    assert mlops("run", "lending", "--until", "raw_loans").exit_code == 0
    with dg.DagsterInstance.from_config(str(home)) as instance:
        assert len(instance.get_runs()) == 1


def test_every_command_has_help_with_an_example():
    for command in ("run", "fetch", "ui"):
        assert "Example: mlops" in mlops(command, "--help").output


def test_what_a_blocking_check_stopped_is_not_passed_by_running_again(place):
    frame = loans(100)
    frame.loc[:20, "income"] = -1.0
    frame.to_csv(place / "data" / "loans.csv", index=False)
    for _ in range(2):
        done = mlops("run", "lending", "--until", "features")
        assert done.exit_code == 1
        assert "rejected_share" in done.output
        assert "features: done" not in done.output


def test_a_lost_table_is_made_again(place):
    assert mlops("run", "lending", "--until", "features").exit_code == 0
    shutil.rmtree(place / "data" / "state" / "warehouse" / "lending" / "features")
    again = mlops("run", "lending", "--until", "features")
    assert "features: done" in again.output
    assert "raw_loans: done" not in again.output


def test_fewer_trials_than_a_longer_search_had_choose_among_the_first(place):
    assert mlops("run", "lending", "--trials", "3").exit_code == 0
    less = mlops("run", "lending", "--trials", "1")
    assert "of 1 trials" in flat(less.output)


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


def test_a_project_in_a_folder_with_spaces_runs_to_a_champion(place, tmp_path, monkeypatch):
    monkeypatch.setenv("MLOPS_STATE_DIR", str(tmp_path / "state of mine [1]"))
    done = mlops("run", "lending")
    assert done.exit_code == 0, done.output
    assert "is version 1" in done.output


def test_a_state_directory_that_no_database_address_can_hold_is_refused(place, tmp_path, monkeypatch):
    monkeypatch.setenv("MLOPS_STATE_DIR", str(tmp_path / "100%"))
    done = mlops("run", "lending")
    assert done.exit_code == 1
    assert "has % in its path" in flat(done.output)


def test_a_dagster_home_that_does_not_exist_is_told(place, tmp_path, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "nowhere"))
    done = mlops("run", "lending")
    assert done.exit_code == 1
    assert "Dagster's instance can't be opened" in flat(done.output)


def test_a_version_is_made_again_compared_and_described(place, record_property):
    done = mlops("card", "lending")
    assert (done.exit_code, "lending has no champion" in done.output) == (1, True)
    record_property("message", done.output)
    assert mlops("run", "lending").exit_code == 0
    done = mlops("reproduce", "lending", "1", "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert (found["outcome"], [refit["role"] for refit in found["refits"]]) == ("identical", ["evaluated"])
    card = mlops("card", "lending").stdout
    assert card.startswith("# lending, version 1\n")
    assert mlops("card", "lending", "1").stdout == card
    done = mlops("diff", "lending", "1", "1")
    assert done.exit_code == 0, done.output
    assert "versions 1 and 1 are the same model" in done.stdout
    assert "training set: the same rows" in done.stdout
    compared = json.loads(mlops("diff", "lending", "1", "1", "--json").stdout)
    assert compared["metrics"]["test_roc_auc"][0] == compared["metrics"]["test_roc_auc"][1]

    [sql] = place.rglob("defs/lending/features.sql")
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
