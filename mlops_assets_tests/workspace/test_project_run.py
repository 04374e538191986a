"""The run of a project: assets that are stale, and those that are up to date."""

import shutil

from mlops_assets_tests.support.command_line import flat, mlops
from mlops_assets_tests.support.loans import FEATURES_SQL, loans


def test_a_second_run_on_unchanged_files_does_nothing(lending):
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


def test_changed_files_and_numbers_of_trials_run_again(place):
    until = ("run", "lending", "--until", "tuned_model")
    assert mlops(*until).exit_code == 0
    assert "up to date" in mlops(*until).output
    more = mlops(*until, "--trials", "2")
    assert "tuned_model: trial 2 of 2" in more.output
    assert "features: done" not in more.output
    loans(310).to_csv(place / "data" / "loans.csv", index=False)
    assert "raw_loans: done" in mlops(*until, "--trials", "2").output


def test_a_blocking_check_fails_again_in_the_next_run(place):
    frame = loans(100)
    frame.loc[:20, "income"] = -1.0
    frame.to_csv(place / "data" / "loans.csv", index=False)
    for _ in range(2):
        done = mlops("run", "lending", "--until", "features")
        assert done.exit_code == 1
        assert "rejected_share" in done.output
        assert "features: done" not in done.output


def test_a_missing_table_is_materialized_again(place):
    assert mlops("run", "lending", "--until", "features").exit_code == 0
    shutil.rmtree(place / "data" / "state" / "warehouse" / "lending" / "features")
    again = mlops("run", "lending", "--until", "features")
    assert "features: done" in again.output
    assert "raw_loans: done" not in again.output


def test_a_shorter_search_chooses_among_the_first_trials(place):
    assert mlops("run", "lending", "--trials", "3").exit_code == 0
    less = mlops("run", "lending", "--trials", "1")
    assert "of 1 trials" in flat(less.output)
