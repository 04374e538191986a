"""The workspace: project root, state directory and Dagster instance."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dagster as dg

from mlops_assets_tests.support.command_line import flat, mlops


def test_the_state_directory_moves_all_state_and_the_instance(place, tmp_path, monkeypatch):
    monkeypatch.setenv("MLOPS_STATE_DIR", str(tmp_path / "elsewhere"))
    assert mlops("run", "lending", "--until", "raw_loans").exit_code == 0
    assert (tmp_path / "elsewhere" / "warehouse" / "lending" / "raw_loans").is_dir()
    assert (tmp_path / "elsewhere" / "dagster" / "dagster.yaml").is_file()
    assert not (place / "data" / "state" / "warehouse").exists()


def test_an_instance_of_the_user_is_kept(place, tmp_path, monkeypatch):
    home = tmp_path / "own_home"
    home.mkdir()
    (home / "dagster.yaml").touch()
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    assert mlops("run", "lending", "--until", "raw_loans").exit_code == 0
    with dg.DagsterInstance.from_config(str(home)) as instance:
        assert len(instance.get_runs()) == 1


def test_a_project_in_a_folder_with_spaces_runs_to_a_champion(place, tmp_path, monkeypatch):
    monkeypatch.setenv("MLOPS_STATE_DIR", str(tmp_path / "state of mine [1]"))
    done = mlops("run", "lending")
    assert done.exit_code == 0, done.output
    assert "is version 1" in done.output


def test_a_state_directory_that_is_invalid_in_database_urls_is_an_error(place, tmp_path, monkeypatch):
    monkeypatch.setenv("MLOPS_STATE_DIR", str(tmp_path / "100%"))
    done = mlops("run", "lending")
    assert done.exit_code == 1
    assert "has % in its path" in flat(done.output)


def test_outside_a_project_there_is_an_error_with_a_hint(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = mlops("run", "lending")
    assert done.exit_code == 1
    assert "no project at or above" in flat(done.output)


def test_a_missing_dagster_home_is_an_error(place, tmp_path, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "nowhere"))
    done = mlops("run", "lending")
    assert done.exit_code == 1
    assert "Dagster's instance can't be opened" in flat(done.output)


def open_at(timestamp: float, state: Path) -> subprocess.CompletedProcess[str]:
    code = f"""
import time
from pathlib import Path
from mlops_assets.workspace.workspace import Workspace
place = Workspace(Path.cwd())
time.sleep(max({timestamp} - time.time(), 0))
with place.instance() as instance:
    print(instance.get_runs_count())
"""
    environment = {**os.environ, "MLOPS_STATE_DIR": str(state)}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def test_processes_that_open_a_new_instance_at_once_create_it_once(place, tmp_path):
    start = time.time() + 3  # after all have imported Dagster
    with ThreadPoolExecutor(4) as at_once:
        begun = [at_once.submit(open_at, start, tmp_path / "new") for _ in range(4)]
    ended = [future.result() for future in begun]
    assert [done.stdout for done in ended] == ["0\n"] * 4, [done.stderr for done in ended]
