"""The lines of `mlops status PROJECT`."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mlops_assets.cli.output.status_details import detail_lines
from mlops_assets.components.model_project.status.champions import challenger_status
from mlops_assets.components.model_project.status.services import services
from mlops_assets.core.status.workspace import WorkspaceStatus
from mlops_assets.ml.reports.status_page import render_status, status_summary
from mlops_assets.stores.governance.ledger.challenger import Challenger
from mlops_assets.stores.governance.ledger.state import LedgerState
from mlops_assets.stores.serving_status.status import ServedVersion, ServingStatus, Traffic
from mlops_assets.stores.serving_status.status_files import write_status
from mlops_assets_tests.support.statuses import full_project, full_status

_NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
_SERVED = ServingStatus(
    *("shop", "run-1", "http://127.0.0.1:8000", "vm", 7, _NOW, _NOW, "serving", 2, 1),
    versions={"champion": ServedVersion(3, "digest", _NOW - timedelta(hours=3), 1)},
    traffic=Traffic(requests=1_500, p50=0.0012, p99=0.0034),
)


def test_a_project_shows_the_services_that_report(tmp_path: Path) -> None:
    write_status(tmp_path, _SERVED)
    write_status(tmp_path, replace(_SERVED, service="run-2", updated_at=_NOW - timedelta(minutes=1)))
    found = services(tmp_path, "shop", _NOW)
    project = replace(full_project(), services=found, retraining=None)
    status: WorkspaceStatus = replace(full_status(), at=_NOW, projects=(project,))

    expected = (
        "version 3 (3 h ago) at http://127.0.0.1:8000, 1 of 2 workers, 1,500 requests, p50 1.2 ms, p99 3.4 ms"
    )
    assert [text for name, text in detail_lines(project, status) if name == "served"] == [expected]


def test_the_page_its_summary_and_the_command_show_the_challenger() -> None:
    challenger = Challenger(5, "canary", 0.1, {}, 7, _NOW - timedelta(hours=2), "ada", "a test", "digest")
    known = challenger_status(LedgerState(challenger=challenger))
    project = replace(full_project(), retraining=None, challenger=known)
    status: WorkspaceStatus = replace(full_status(), at=_NOW, projects=(project,))
    described = "version 5 is a canary with 10 % of the traffic"

    assert ("challenger", f"{described}, 2 h ago") in list(detail_lines(project, status))
    assert f"<dt>Challenger</dt><dd>{described}, 2 h ago</dd>" in render_status(status)
    assert f"- challenger: {described}" in status_summary(project)
    quiet = replace(status, projects=(replace(project, challenger=None),))
    assert "Challenger" not in render_status(quiet)
