"""If this fails, Dagster changed how it captures what steps print; `LocalLogs` relies on it."""

from mlops_assets.compat.dagster_logs import CapturedLogContext, LocalComputeLogManager


def test_captured_output_is_written_to_the_folder(tmp_path):
    manager = LocalComputeLogManager(str(tmp_path))
    with manager.capture_logs(["run", "compute_logs", "step"]) as context:
        assert isinstance(context, CapturedLogContext)
    assert [path.suffix for path in sorted(tmp_path.rglob("step.*"))] == [".complete", ".err", ".out"]
    manager.dispose()
