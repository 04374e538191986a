"""Secrets in logs, output and errors of user code: in no file of a Dagster instance."""

import logging
import sys
from pathlib import Path

import dagster as dg
import pytest
import yaml

from mlops_assets.components.redacted_process import redact_process
from mlops_assets.compute_logs import LocalLogs
from mlops_assets.core.errors import ProjectError
from mlops_assets.resources import MlflowTracking

SECRET = "s3cr3t/p@ss"


@dg.asset
def careless(context: dg.AssetExecutionContext) -> None:
    context.log.info(f"connect to postgresql://ada:{SECRET}@host, {SECRET!r}")
    logging.getLogger("a.library").warning("retry with %s", SECRET)
    sys.stdout.write(f"printed {SECRET}\n")
    sys.stderr.write(f"{SECRET} on stderr\n")
    try:
        raise KeyError(SECRET)
    except KeyError as error:
        context.log.exception("caught")
        raise ValueError(f"GET https://ada:{SECRET}@host/x") from error


def test_no_file_of_the_instance_contains_a_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    before = logging.getLogRecordFactory()
    monkeypatch.setenv("CRM_URL", "postgresql://ada:s3cr3t%2Fp%40ss@host/crm")
    logs = {
        "module": "mlops_assets.compute_logs",
        "class": "LocalLogs",
        "config": {"base_dir": str(tmp_path)},
    }
    declared = {"compute_logs": logs, "telemetry": {"enabled": False}}
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(declared), "utf-8")
    redact_process()
    try:
        with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
            assert isinstance(instance.compute_log_manager, LocalLogs)
            run = dg.materialize([careless], instance=instance, raise_on_error=False)
            assert not run.success
            stored = "".join(str(entry) for entry in instance.all_logs(run.run_id))
    finally:
        logging.setLogRecordFactory(before)
    assert "connect to postgresql://host, '***'" in stored
    assert "GET https://host/x" in stored
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    [printed] = [path.read_text("utf-8") for path in files if path.suffix == ".out"]
    [errors] = [path.read_text("utf-8") for path in files if path.suffix == ".err"]
    assert printed == "printed ***\n"
    assert "*** on stderr\n" in errors
    assert [path for path in files if b"s3cr3t" in path.read_bytes()] == []


def test_a_variable_with_a_secret_is_no_tag_of_a_run():
    with pytest.raises(ProjectError, match=r"env_to_tag .* contains CRM_TOKEN, whose value"):
        MlflowTracking(mlflow_tracking_uri="sqlite:///x.db", env_to_tag=["IMAGE_TAG", "CRM_TOKEN"])
