"""A project that was moved or copied works where it lies, and a champion without files is an error."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd

from mlops_assets.core.digests import file_digest
from mlops_assets_tests.support.command_line import flat, mlops

COMMANDS = """
import json
import mlflow
import pandas as pd
from mlops_assets_tests.support.command_line import mlops

def output(*arguments):
    done = mlops(*arguments)
    assert done.exit_code == 0, done.output
    return done.stdout

found = {"run": output("run", "lending"), "doctor": output("doctor", "--json")}
mlflow.set_tracking_uri("sqlite:///data/state/mlflow/mlflow.db")
champion = mlflow.pyfunc.load_model("models:/lending@champion")
found["predictions"] = champion.predict(pd.read_csv("data/loans.csv", dtype={"purpose": str})).to_dict("list")
"""
TRAIN = """
found["reproduce"] = json.loads(output("reproduce", "lending", "1", "--json"))["outcome"]
found["trained"] = output("run", "lending", "--trials", "2")
found["vacuum"] = output("data", "vacuum", "lending")
"""


def content(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): file_digest(path) for path in folder.rglob("*") if path.is_file()}


def use(folder: Path, commands: str) -> dict[str, object]:
    """Use the project with the commands in a new process, because its modules are imported once."""
    path = os.pathsep.join([str(folder), *filter(None, sys.path)])
    environment = {**os.environ, "PYTHONPATH": path}
    environment.pop("DAGSTER_HOME", None)
    done = subprocess.run(
        [sys.executable, "-c", f"{commands}\nprint(json.dumps(found))"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_a_copied_and_a_moved_project_work_and_leave_the_original_alone(lending, tmp_path):
    place = lending
    assert "lending is up to date" in mlops("run", "lending").output
    before = content(place)
    copy = shutil.copytree(place, tmp_path / "a copy")
    found = use(copy, COMMANDS + TRAIN)
    assert content(place) == before
    assert "lending is up to date" in str(found["run"])
    assert str(place) not in flat(str(found["run"]))
    assert {one["state"] for one in json.loads(str(found["doctor"]))} <= {"ok", "warn"}
    assert found["reproduce"] == "identical"
    assert "models:/lending/2" in str(found["trained"])
    predicted = pd.DataFrame(found["predictions"])

    moved = place.rename(tmp_path / "moved")
    again = use(moved, COMMANDS)
    assert not place.exists()
    assert "lending is up to date" in str(again["run"])
    pd.testing.assert_frame_equal(pd.DataFrame(again["predictions"]), predicted)


def test_a_champion_whose_files_are_missing_is_an_error_of_run_and_doctor(lending, record_property):
    place = lending
    assert "lending is up to date" in mlops("run", "lending").output
    [folder] = place.glob("data/state/mlflow/artifacts/lending/models/m-*")
    shutil.rmtree(folder)
    for command in (("run", "lending"), ("doctor",)):
        done = mlops(*command)
        assert done.exit_code == 1, done.output
        assert f"the champion of lending can't be loaded: {folder}/artifacts/MLmodel does not exist" in flat(
            done.output
        )
        assert "restore the files from a backup" in flat(done.output)
        assert "up to date" not in done.output
    record_property("message", done.output)
