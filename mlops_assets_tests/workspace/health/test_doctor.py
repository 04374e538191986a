"""The findings of `mlops doctor`, in a healthy workspace and in broken ones."""

import json
import shutil
import socket
import time

import pytest
import yaml

from mlops_assets.stores.warehouse.warehouse import Warehouse
from mlops_assets.workspace.health import doctor, doctor_checks
from mlops_assets.workspace.health.doctor import examine
from mlops_assets.workspace.workspace import Workspace
from mlops_assets_tests.support.command_line import mlops


def found(place, *, seconds: float = 60) -> dict[str, doctor.Finding]:
    return {finding.subject: finding for finding in examine(Workspace(place), seconds=seconds)}


def test_a_healthy_project_is_ok_and_each_check_describes_what_it_found(place):
    done = mlops("doctor", "--json")
    findings = {one["subject"]: one for one in json.loads(done.stdout)}
    assert done.exit_code == 0, done.output
    assert {one["state"] for one in findings.values()} <= {"ok", "warn"}
    assert findings["definitions"]["message"] == "lending; 10 assets"
    assert findings["alerts"]["message"] == "no channels declared"
    assert findings["lending"]["message"] == "contracts of loans, pipeline and queries"
    assert "dagster 1." in findings["packages"]["message"]
    assert "0 registered models" in findings["tracking store"]["message"]


def test_rows_to_predict_have_the_contract_of_their_table(place):
    [file] = place.glob("*/defs/lending/defs.yaml")
    declared = yaml.safe_load(file.read_text("utf-8"))
    declared["attributes"]["scoring"] = {"source": "new/*.csv"}
    file.write_text(yaml.safe_dump(declared), "utf-8")
    workspace = Workspace(place)
    assert doctor_checks.check_project("lending", workspace) == "contracts of loans, pipeline and queries"


def test_missing_data_files_and_an_invalid_query_are_errors(place):
    warehouse = Warehouse(place / "data" / "state" / "warehouse")
    with warehouse.connect() as connection:
        warehouse.write(("lending", "features"), connection.sql("select 1 as a"))
    next(warehouse.root.rglob("*.parquet")).unlink()
    [sql] = place.rglob("features.sql")
    sql.write_text("selekt", "utf-8")
    findings = found(place)
    assert findings["tables"].state == findings["lending"].state == "error"
    assert "lending.features: 1 data files are damaged: data file" in findings["tables"].message
    assert 'syntax error at or near "selekt"' in findings["lending"].message
    assert all(finding.hint for finding in findings.values() if finding.state == "error")


def test_invalid_definitions_are_an_error_and_the_other_checks_still_run(place, record_property):
    [declared] = place.rglob("defs.yaml")
    declared.write_text(declared.read_text("utf-8").replace("task: binary", "task: ranking"), "utf-8")
    done = mlops("doctor")
    assert done.exit_code == 1
    lines = done.output.splitlines()
    assert any(line.startswith("error  definitions") and "defs.yaml:" in line for line in lines)
    assert any(line.startswith("ok     Dagster instance") for line in lines)
    assert "Traceback" not in done.output
    record_property("message", done.output)


@pytest.mark.parametrize("listens", [True, False], ids=["silent", "down"])
def test_a_tracking_server_that_does_not_answer_is_an_error_within_seconds(monkeypatch, tmp_path, listens):
    monkeypatch.setattr(doctor_checks, "_ANSWER_SECONDS", 0.3)
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
    assert finding.state == "error"
    assert f"the tracking server at {uri} does not answer" in finding.message


def test_a_state_directory_that_others_can_read_is_a_warning_and_unexpected_errors_have_no_secrets(
    monkeypatch, tmp_path
):
    def fail(_: Workspace) -> str:
        raise ZeroDivisionError("GET http://ada:s3cr3t-x@host, s3cr3t-x")

    monkeypatch.setenv("SHOP_PASSWORD", "s3cr3t-x")
    monkeypatch.setenv("MLOPS_STATE_DIR", str(tmp_path / "state"))
    (tmp_path / "state").mkdir(0o755)
    (tmp_path / "state").chmod(0o755)
    checks = {"state": doctor.CHECKS["state directory"], "failing": fail}
    monkeypatch.setattr(doctor, "CHECKS", checks)
    state, failing = examine(Workspace(tmp_path))
    assert (state.state, state.message) == (
        "warn",
        f"{tmp_path / 'state'} is accessible to other users: its mode is 0755",
    )
    assert state.hint
    assert "chmod -R go-rwx" in state.hint
    assert failing.message == "ZeroDivisionError: GET http://host, ***"
    (tmp_path / "state").chmod(0o700)
    assert next(examine(Workspace(tmp_path))).state == "ok"


def test_a_secret_that_is_too_short_to_be_redacted_is_a_warning(monkeypatch, tmp_path):
    monkeypatch.setattr(doctor, "CHECKS", {"secrets": doctor.CHECKS["secrets"]})
    monkeypatch.setenv("CRM_URL", "postgresql://ada:abc@host/db")
    [finding] = examine(Workspace(tmp_path))
    assert (finding.state, finding.message) == (
        "warn",
        "the secret in CRM_URL is too short to be redacted wherever it appears",
    )
    monkeypatch.setenv("CRM_URL", "postgresql://ada:abcd@host/db")
    assert next(examine(Workspace(tmp_path))).state == "ok"


def test_a_check_that_hangs_is_an_error_and_the_next_ones_still_run(monkeypatch, tmp_path):
    checks = {"slow": lambda _: str(time.sleep(2)), "fast": lambda _: "here"}
    monkeypatch.setattr(doctor, "CHECKS", checks)
    slow, fast = examine(Workspace(tmp_path), seconds=0.1)
    assert (slow.state, slow.message, slow.hangs) == ("error", "no answer within 0.1 s", True)
    assert (fast.state, fast.message) == ("ok", "here")


@pytest.mark.parametrize(("free", "state"), [(10 * 2**30, "ok"), (2**30, "warn"), (2**20, "error")])
def test_a_disk_with_little_free_space_is_a_warning_or_an_error(monkeypatch, tmp_path, free, state):
    monkeypatch.setattr(doctor, "CHECKS", {"free disk": doctor.CHECKS["free disk"]})
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(100 * 2**30, 0, free))
    [finding] = examine(Workspace(tmp_path))
    assert finding.state == state
    assert (finding.hint is None) == (state == "ok")


def test_missing_packages_and_wrong_versions_are_named(monkeypatch, tmp_path):
    monkeypatch.setattr(
        doctor_checks,
        "requires",
        lambda name: ["duckdb>=99", "no-such-package", "pytest>=99; extra == 'dev'"],
    )
    monkeypatch.setattr(doctor, "CHECKS", {"packages": doctor.CHECKS["packages"]})
    [finding] = examine(Workspace(tmp_path))
    assert finding.state == "error"
    assert "duckdb 2." in finding.message
    assert "is not >=99; no-such-package is missing" in finding.message
    assert "pytest" not in finding.message
