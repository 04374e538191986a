"""Dagster runs of commands: on a full disk, two at once, and after a killed one."""

import gc
import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dagster as dg
import pytest

from mlops_assets.stores.warehouse.warehouse import Warehouse
from mlops_assets.workspace.dagster_run import run_assets
from mlops_assets.workspace.workspace import Workspace
from mlops_assets_tests.support.command_line import flat, mlops
from mlops_assets_tests.support.loans import enter_lending_project
from mlops_assets_tests.support.small_disk import fill, small_disk


@pytest.fixture
def place(tmp_path, monkeypatch, empty_tracking_store) -> Path:
    return enter_lending_project(tmp_path / "project", monkeypatch, empty_tracking_store, family="linear")


def test_a_run_on_a_full_disk_ends_with_one_error_and_the_next_resumes(
    place, tmp_path, monkeypatch, record_property
):
    with small_disk(tmp_path / "disk", 12) as disk:
        state = disk / "state"
        monkeypatch.setenv("MLOPS_STATE_DIR", str(state))
        shutil.copytree(place / "data" / "state", state)
        assert mlops("run", "lending", "--until", "raw_loans").exit_code == 0
        raw = ("lending", "raw_loans")
        before = Warehouse(state / "warehouse").digest(raw)
        for leave in (0, 60_000, 300_000):
            ballast = fill(disk, leave=leave)
            done = mlops("run", "lending", "--until", "training_set")
            ballast.unlink()
            if done.exit_code == 0:
                break
            record_property("message", done.stderr)
            assert isinstance(done.exception, SystemExit), done.exception
            assert "Traceback" not in done.output
            assert flat(done.stderr).count("error:") == 1
            assert "the disk is full (" in done.stderr
            assert str(disk) in done.stderr
            assert "hint: free some space there" in done.stderr
            assert Warehouse(state / "warehouse").digest(raw) == before
        # A step that could not log its event keeps its lock until its frames are gone, as with its process.
        del done
        gc.collect()
        done = mlops("run", "lending")
        assert done.exit_code == 0, done.output
        assert "registered models:/lending/1" in flat(done.output)
        assert Warehouse(state / "warehouse").digest(raw) == before


def run_beside() -> subprocess.CompletedProcess[str]:
    code = "from mlops_assets.cli import main; main()"
    command = [sys.executable, "-c", code, "run", "lending", "--until", "features"]
    environment = {**os.environ, "COLUMNS": "200"}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def test_of_two_runs_at_once_one_waits_and_is_up_to_date(place, record_property):
    with ThreadPoolExecutor(2) as both:
        ended = [future.result() for future in [both.submit(run_beside), both.submit(run_beside)]]
    assert [done.returncode for done in ended] == [0, 0], [done.stderr for done in ended]
    waited = [done.stdout for done in ended if "waiting: " in done.stdout]
    record_property("message", waited[0])
    assert "waiting: lending is locked by `mlops run` (process " in waited[0]
    assert "lending is up to date" in waited[0]
    with Workspace(place).instance() as instance:
        [run] = instance.get_runs()
        assert run.is_success


def test_a_run_whose_events_have_no_reader_any_more_ends_and_then_reports_it(place):
    def show(_: dg.EventLogEntry) -> None:
        raise BrokenPipeError

    workspace, key = Workspace(place), dg.AssetKey(["lending", "raw_loans"])
    with workspace.instance() as instance, pytest.raises(BrokenPipeError):
        run_assets(workspace, instance, [key], None, {}, show)
    assert Warehouse(place / "data" / "state" / "warehouse").exists(key.path)


def test_a_killed_run_is_canceled_by_the_next(place):
    with Workspace(place).instance() as instance:
        tags = {"mlops/command": "run", "mlops/project": "lending"}
        left = instance.create_run_for_job(
            Workspace(place).definitions.resolve_implicit_global_asset_job_def(),
            tags=tags,
            status=dg.DagsterRunStatus.STARTED,
        )
    assert mlops("run", "lending", "--until", "raw_loans").exit_code == 0
    with Workspace(place).instance() as instance:
        assert instance.get_run_by_id(left.run_id).status == dg.DagsterRunStatus.CANCELED


def test_a_command_in_the_background_can_be_terminated_after_its_run(place):
    interrupt, terminate = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # as a shell starts its background jobs
    try:
        assert mlops("run", "lending", "--until", "raw_loans").exit_code == 0
        assert signal.getsignal(signal.SIGTERM) == terminate
    finally:
        signal.signal(signal.SIGINT, interrupt)
        signal.signal(signal.SIGTERM, terminate)


BUSY_PIPELINE = """
import hashlib
from pathlib import Path
from sklearn.preprocessing import FunctionTransformer


def call_openssl(rows):
    Path("inside").touch()
    hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)  # hours in one call
    return rows


def make_pipeline():
    return FunctionTransformer(call_openssl)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_ends_within_five_seconds_of_a_signal_also_inside_a_long_call(lending, number):
    place = lending
    (next(place.glob("*/defs/lending")) / "pipeline.py").write_text(BUSY_PIPELINE, "utf-8")
    code = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    code += "from mlops_assets.cli import main; main()"
    command = [sys.executable, "-c", code, "run", "lending"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        while not (place / "inside").exists():
            assert process.poll() is None
            time.sleep(0.1)
        time.sleep(1)  # the display has shown the step
        started = time.monotonic()
        process.send_signal(number)
        rest, _ = process.communicate(timeout=60)
        seconds = time.monotonic() - started
    assert process.returncode == 1
    assert rest.endswith("tuned_model: failed\nnote: interrupted; run it again to resume\n"), rest
    assert seconds < 5
    with Workspace(place).instance() as instance:
        run, *trained = instance.get_runs()
        assert run.status == dg.DagsterRunStatus.CANCELED
        assert {one.status for one in trained} == {dg.DagsterRunStatus.SUCCESS}
