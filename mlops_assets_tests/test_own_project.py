"""The tutorials, run as they stand in a foreign Dagster project with the package from its wheel."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest

from mlops_assets.stores.system.state_directory import StateDirectory
from mlops_assets.stores.tracking.tracking import TrackingStore
from mlops_assets.stores.warehouse.warehouse import Warehouse

ROOT = Path(__file__).parent.parent
LAST = """
python -c 'import mlops_assets; print("imported from", mlops_assets.__file__)'
dg list defs --json > listed.json
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel, built of a copy, so that nothing is left beside the sources."""
    folder = tmp_path_factory.mktemp("wheel")
    shutil.copytree(ROOT / "mlops_assets", folder / "mlops_assets")
    for name in ("pyproject.toml", "setup.cfg", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    code = "from setuptools.build_meta import build_wheel; build_wheel('dist')"
    subprocess.run([sys.executable, "-c", code], cwd=folder, check=True, capture_output=True)
    [built] = (folder / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def environment(wheel, tmp_path_factory) -> dict[str, str]:
    """Variables of an environment that has the package from its wheel, and all else from this one.

    Of this environment's site-packages the other sees the folders alone: an editable install is made by a
    file that is read in an environment's own.
    """
    venv = tmp_path_factory.mktemp("foreign") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    python = venv / "bin" / "python"
    [packages] = venv.glob("lib/python*/site-packages")
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"), "utf-8")
    install = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        python,
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        "--ignore-installed",  # of another copy of the package that PYTHONPATH may name
    ]
    subprocess.run([*install, wheel], check=True, capture_output=True)
    for name in ("dg", "dagster"):
        script = (Path(sys.executable).parent / name).read_text("utf-8")
        (venv / "bin" / name).write_text(re.sub(r"\A#!.*", f"#!{python}", script), "utf-8")
        (venv / "bin" / name).chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "PYTHON"))}
    return {
        **kept,
        "PATH": f"{venv / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "VIRTUAL_ENV": str(venv),
        "DAGSTER_DISABLE_TELEMETRY": "true",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }


def run_blocks(page: str, tmp_path: Path, environment: dict[str, str], tracking_store: Path) -> str:
    """Run every shell block of a page in one shell; return its output."""
    mlflow = tmp_path / "my_models" / "data" / "state" / "mlflow"
    mlflow.mkdir(parents=True)
    shutil.copy(tracking_store, mlflow)  # creating its tables takes seconds
    text = (ROOT / "docs" / page).read_text("utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    script = "\n".join(["set -euo pipefail", *blocks, LAST])
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert f"imported from {environment['VIRTUAL_ENV']}" in done.stdout
    return done.stdout


def test_the_static_tutorial_leads_from_a_csv_to_a_champion(environment, tmp_path, empty_tracking_store):
    output = run_blocks("your_own_project.md", tmp_path, environment, empty_tracking_store)

    project = tmp_path / "my_models"
    assert "models:/wine@champion is version 1" in output
    state = StateDirectory(project / "data" / "state")
    assert (
        TrackingStore(state.tracking_uri, state.mlflow / "artifacts").registry.champion("wine").version == 1
    )
    tables = Warehouse(state.warehouse)
    assert "intensity_per_hue" in tables.frame(("wine", "features"))
    assert tables.frame(("wine", "cultivars"))["wines"].sum() == 178
    listed = (project / "listed.json").read_text("utf-8")
    assert '"wine/champion"' in listed
    assert '"wine/cultivars"' in listed


def test_the_event_tutorial_leads_from_a_log_to_a_champion_and_monthly_predictions(
    environment, tmp_path, empty_tracking_store
):
    output = run_blocks("event_project.md", tmp_path, environment, empty_tracking_store)

    assert "models:/gym@champion is version 1" in output
    assert "2024-03 to 2024-09; 2024-09:" in output
    assert "nothing was registered" in output
    state = StateDirectory(tmp_path / "my_models" / "data" / "state")
    tables = Warehouse(state.warehouse)
    months = [f"2024-{month:02}" for month in range(3, 10)]
    assert list(tables.partitions(("gym", "predictions"))) == months
    assert list(tables.partitions(("gym", "target"))) == months[:-1]
    assert list(tables.partitions(("gym", "training_set"))) == ["2024-07", "2024-08", "2024-09"]
    assert "m001" not in set(tables.frame(("gym", "validated_visits"), partition="2024-07")["member_id"])


CLONE_ONLY = {f"mlops_assets/defs/customer_churn/{name}.py" for name in ("oracle", "sample", "simulation")}
"""The simulator of the sample project: `mlops sample` is for a clone."""


def test_the_wheel_contains_the_package_without_tests_and_simulator(wheel):
    with zipfile.ZipFile(wheel) as archive:
        inside = {name for name in archive.namelist() if ".dist-info/" not in name}
    sources = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "mlops_assets").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert sources > CLONE_ONLY
    assert inside == sources - CLONE_ONLY
    for needed in ("py.typed", "ml/reports/templates/report.html.j2", "scaffolding/defs.yaml.j2"):
        assert f"mlops_assets/{needed}" in inside


def test_the_wheel_describes_itself_with_links_that_work_on_a_package_index(wheel):
    with zipfile.ZipFile(wheel) as archive:
        [metadata] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        described = message_from_bytes(archive.read(metadata))
    text = described.get_payload()
    links = re.findall(r"!?\[[^\]]*\]\(([^)\s]+)\)", text)
    assert described["Description-Content-Type"] == "text/markdown"
    assert len(links) > 10
    assert {link for link in links if not link.startswith(("https://", "http://", "#"))} == set()
    assert "](https://raw.githubusercontent.com/mlops-assets/mlops_assets/main/docs/images/" in text
    with zipfile.ZipFile(wheel) as archive:
        entry_points = archive.read(metadata.replace("METADATA", "entry_points.txt")).decode()
    for group in ("console_scripts", "dagster_dg_cli.registry_modules", "pytest11"):
        assert f"[{group}]" in entry_points
    labels = {url.partition(", ")[0] for url in described.get_all("Project-URL")}
    assert {"Homepage", "Documentation", "Changelog", "Issues"} <= labels
