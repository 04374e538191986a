"""The workspace: project root, state directory and Dagster instance."""

import os
import sqlite3
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster._serdes import serialize_value

from mlops_assets.core.errors import MlopsError, StoreError
from mlops_assets.workspace.workspace import Workspace
from mlops_assets_tests.support.access_lists import has_access_lists
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
    state = tmp_path / "state of mine [1]"
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    if has_access_lists(tmp_path):
        assert [path for path in state.rglob("*") if path.stat().st_mode & 0o077] == []


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


@pytest.mark.parametrize(
    ("setting", "path"),
    [
        ({"postgres": {"postgres_url": "postgresql://ada:s3cr3t@host/dagster"}}, "postgres.postgres_url"),
        ({"postgres": {"postgres_db": {"password": "s3cr3t"}}}, "postgres.postgres_db.password"),
    ],
)
def test_a_password_in_dagster_yaml_is_an_error(tmp_path, monkeypatch, setting, path, record_property):
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump({"storage": setting}), "utf-8")
    message = rf"dagster.yaml: storage\.{path} contains a password or token\n  hint: write {{env: NAME}}"
    with pytest.raises(StoreError, match=message) as caught:
        Workspace(tmp_path).use_dagster_home()
    assert "s3cr3t" not in str(caught.value)
    record_property("message", str(caught.value))


def test_dagster_receives_the_name_of_a_variable_and_neither_its_file_nor_a_command_line_the_value(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    monkeypatch.setenv("STORAGE_SECRET", f"{tmp_path}/s3cr3t")
    declared = {"storage": {"sqlite": {"base_dir": {"env": "STORAGE_SECRET"}}}}
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(declared), "utf-8")
    home = Workspace(tmp_path).use_dagster_home()
    rendered = (home / "dagster.yaml").read_text("utf-8")
    with dg.DagsterInstance.from_config(str(home)) as instance:
        argument = serialize_value(instance.get_ref())  # of `--instance-ref` of Dagster's servers
    for text in (rendered, argument):
        assert "STORAGE_SECRET" in text
        assert "s3cr3t" not in text


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


def garbage(file: Path) -> None:
    file.write_bytes(b"garbage" * 1000)


def without_tables(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        names = connection.execute("select name from sqlite_master where type = 'table'").fetchall()
        for (name,) in names:
            if name not in ("alembic_version", "sqlite_sequence"):
                connection.execute(f'drop table "{name}"')
        connection.commit()


@pytest.mark.parametrize(
    ("how", "message"),
    [(garbage, "is damaged: file is not a database"), (without_tables, "is incomplete, or of")],
)
def test_a_broken_database_of_dagster_is_an_error_before_anything_runs(place, how, message):
    with Workspace(place).instance():
        pass
    files = list((place / "data" / "state" / "dagster").rglob("*.db"))
    assert {file.name for file in files} == {"runs.db", "event_log.db", "schedules.db"}
    for file in files:
        before = file.read_bytes()
        how(file)
        error = pytest.raises(StoreError, match=f"Dagster's instance: the database .* {message}")
        with error, Workspace(place).instance():
            pass
        for left in file.parent.glob(f"{file.name}-*"):
            left.unlink()
        file.write_bytes(before)
    with Workspace(place).instance() as instance:
        assert instance.get_runs_count() == 0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"storage: [", "dagster.yaml can't be read: while parsing"),
        (b"\xff\xfe", "dagster.yaml can't be read: 'utf-8' codec"),
        (b"- storage", "dagster.yaml has no settings"),
        (b"storag: 1", "instance can't be opened: Errors whilst loading .*storag"),
        (b"storage: {postgres: {postgres_url: 1}}", "can't be opened"),
    ],
)
def test_an_invalid_dagster_yaml_is_an_error(place, content, message):
    (place / "dagster.yaml").write_bytes(content)
    with pytest.raises(MlopsError, match=message), Workspace(place).instance():
        pass


def test_a_rendered_dagster_yaml_that_is_damaged_is_written_again(place):
    rendered = place / "data" / "state" / "dagster" / "dagster.yaml"
    rendered.parent.mkdir(parents=True)
    rendered.write_bytes(b"\xff\xfe")
    with Workspace(place).instance():
        assert "telemetry" in rendered.read_text("utf-8")
