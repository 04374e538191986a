"""`mlops doctor`: what each check tells when all is well, and of what is not."""

import json
import shutil
import socket
import time

import pytest

from mlops_assets.stores.warehouse.warehouse import Warehouse
from mlops_assets.workspace import doctor
from mlops_assets.workspace.doctor import examine
from mlops_assets.workspace.workspace import Workspace
from mlops_assets_tests.support.command_line import mlops


def found(place, *, seconds: float = 60) -> dict[str, doctor.Finding]:
    return {finding.subject: finding for finding in examine(Workspace(place), seconds=seconds)}


def test_a_project_in_order_is_ok_and_each_check_tells_what_it_saw(place):
    done = mlops("doctor", "--json")
    findings = {one["subject"]: one for one in json.loads(done.stdout)}
    assert done.exit_code == 0, done.output
    assert {one["state"] for one in findings.values()} <= {"ok", "warn"}
    assert findings["definitions"]["told"] == "lending; 9 assets"
    assert findings["lending"]["told"] == "contracts of loans, pipeline and queries"
    assert "dagster 1." in findings["packages"]["told"]
    assert "0 registered models" in findings["tracking store"]["told"]


def test_a_table_whose_files_are_gone_and_a_query_that_does_not_parse_are_faults(place):
    warehouse = Warehouse(place / "data" / "state" / "warehouse")
    with warehouse.connect() as connection:
        warehouse.write(("lending", "features"), connection.sql("select 1 as a"))
    next(warehouse.root.rglob("*.parquet")).unlink()
    [sql] = place.rglob("features.sql")
    sql.write_text("selekt", "utf-8")
    findings = found(place)
    assert findings["tables"].state == findings["lending"].state == "FAULT"
    assert "lending.features: 1 data files are gone" in findings["tables"].told
    assert 'syntax error at or near "selekt"' in findings["lending"].told
    assert all(finding.hint for finding in findings.values() if finding.state == "FAULT")


def test_definitions_that_can_not_be_loaded_are_a_fault_and_the_rest_is_told(place, record_property):
    [declared] = place.rglob("defs.yaml")
    declared.write_text(declared.read_text("utf-8").replace("task: binary", "task: ranking"), "utf-8")
    done = mlops("doctor")
    assert done.exit_code == 1
    lines = done.output.splitlines()
    assert any(line.startswith("FAULT  definitions") and "defs.yaml:" in line for line in lines)
    assert any(line.startswith("ok     Dagster instance") for line in lines)
    assert "Traceback" not in done.output
    record_property("told", done.output)


@pytest.mark.parametrize("listens", [True, False], ids=["silent", "down"])
def test_a_dead_tracking_server_is_told_within_seconds(monkeypatch, tmp_path, listens):
    monkeypatch.setattr(doctor, "_ANSWER_SECONDS", 0.3)
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        if listens:
            server.listen()
        uri = f"http://127.0.0.1:{server.getsockname()[1]}"
        monkeypatch.setattr(Workspace, "tracking_uri", uri)
        monkeypatch.setattr(doctor, "CHECKS", {"tracking store": doctor.CHECKS["tracking store"]})
        started = time.monotonic()
        [finding] = examine(Workspace(tmp_path))
    assert time.monotonic() - started < 10
    assert finding.state == "FAULT"
    assert f"the tracking server at {uri} does not answer" in finding.told


def test_a_check_that_does_not_come_back_is_a_fault_and_those_after_it_are_made(monkeypatch, tmp_path):
    checks = {"slow": lambda _: str(time.sleep(2)), "quick": lambda _: "here"}
    monkeypatch.setattr(doctor, "CHECKS", checks)
    slow, quick = examine(Workspace(tmp_path), seconds=0.1)
    assert (slow.state, slow.told, slow.hangs) == ("FAULT", "no answer within 0.1 s", True)
    assert (quick.state, quick.told) == ("ok", "here")


@pytest.mark.parametrize(("free", "state"), [(10 * 2**30, "ok"), (2**30, "warn"), (2**20, "FAULT")])
def test_a_disk_that_fills_up_is_told_before_it_is_full(monkeypatch, tmp_path, free, state):
    monkeypatch.setattr(doctor, "CHECKS", {"free disk": doctor.CHECKS["free disk"]})
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(100 * 2**30, 0, free))
    [finding] = examine(Workspace(tmp_path))
    assert finding.state == state
    assert (finding.hint is None) == (state == "ok")


def test_a_package_of_another_version_and_one_that_is_missing_are_named(monkeypatch, tmp_path):
    monkeypatch.setattr(
        doctor, "requires", lambda name: ["duckdb>=99", "no-such-package", "pytest>=99; extra == 'dev'"]
    )
    monkeypatch.setattr(doctor, "CHECKS", {"packages": doctor.CHECKS["packages"]})
    [finding] = examine(Workspace(tmp_path))
    assert finding.state == "FAULT"
    assert "duckdb 2." in finding.told
    assert "is not >=99; no-such-package is missing" in finding.told
    assert "pytest" not in finding.told
