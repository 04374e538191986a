"""The project root and the state directory."""

import json
from importlib.metadata import version
from pathlib import Path

import pytest

from mlops_assets.core.errors import StoreError
from mlops_assets.stores.system.state_directory import LAYOUT, StateDirectory, dg_settings, find_project_root


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose folder holds a package with a `pyproject.toml` of its own."""
    inner = tmp_path / "project" / "package" / "deep"
    inner.mkdir(parents=True)
    (tmp_path / "project" / "pyproject.toml").write_text("[tool.dg]\ndirectory_type = 'project'\n")
    (inner.parent / "pyproject.toml").write_text("[project]\nname = 'package'\n")
    return tmp_path / "project"


def test_the_root_is_the_nearest_folder_with_a_dagster_pyproject(project: Path):
    assert find_project_root(project) == project
    assert find_project_root(project / "package" / "deep") == project


def test_the_search_starts_in_the_working_directory(project: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(project / "package")
    assert find_project_root() == project


def test_outside_a_project_there_is_no_root(tmp_path: Path):
    with pytest.raises(StoreError, match=r"no project at or above .*\n  hint: change into a clone"):
        find_project_root(tmp_path)


def test_a_pyproject_that_cannot_be_parsed_is_named(project: Path):
    (project / "pyproject.toml").write_text("[tool.dg\n")
    with pytest.raises(StoreError, match=r"project/pyproject.toml is not valid TOML"):
        find_project_root(project / "package")


def test_settings_are_the_table_of_dagster(project: Path):
    assert dg_settings(project) == {"directory_type": "project"}
    assert dg_settings(project / "package") == {}
    assert dg_settings(project / "nowhere") == {}


def test_state_is_below_the_project_by_default(project: Path):
    state = StateDirectory.of(project)
    assert state.root == project / "data" / "state"
    assert [path.relative_to(state.root).as_posix() for path in (state.warehouse, state.mlflow)] == [
        "warehouse",
        "mlflow",
    ]
    assert state.tracking_uri == f"sqlite:///{state.root}/mlflow/mlflow.db"
    assert not state.root.exists()


def test_mlops_state_dir_moves_all_state(project: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MLOPS_STATE_DIR", "elsewhere")
    monkeypatch.chdir(project)
    state = StateDirectory.of(project / "package")
    folders = [state.warehouse, state.mlflow, state.dagster, state.studies, state.reports]
    assert {folder.parent for folder in folders} == {project / "elsewhere"}
    assert len({*folders}) == 5


def test_an_empty_mlops_state_dir_is_ignored(project: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MLOPS_STATE_DIR", "")
    assert StateDirectory.of(project).root == project / "data" / "state"


def test_a_new_state_directory_records_its_layout_and_opens_again(tmp_path):
    state = StateDirectory(tmp_path / "state")
    for _ in range(2):
        state.open()
    assert json.loads((state.root / "layout.json").read_text()) == {
        "layout": LAYOUT,
        "written_by": version("mlops-assets"),
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '{"layout": 9, "written_by": "7.0.0"}',
            rf"state has layout 9, written by mlops_assets 7.0.0; mlops_assets {version('mlops-assets')} "
            rf"requires layout {LAYOUT}\n  hint: install mlops_assets 7.0.0 or newer, or set MLOPS_STATE_DIR",
        ),
        (
            '{"layout": 1, "written_by": "0.1.0"}',
            rf"has layout 1, written by .* requires layout {LAYOUT}\n  hint: move .*/state away and run",
        ),
        ("{half", r"layout.json is damaged.*\n  hint: delete it if mlops_assets .* wrote this directory"),
        ('{"layout": "new"}', "layout.json is damaged"),
    ],
)
def test_a_state_directory_of_another_layout_is_rejected_and_unchanged(
    tmp_path, record_property, text, message
):
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "layout.json").write_text(text)
    with pytest.raises(StoreError, match=message) as caught:
        StateDirectory(tmp_path / "state").open()
    record_property("message", str(caught.value))
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["layout.json"]


DAMAGED_LAYOUTS = [b"\xff\xfe{}", b"[]", b"3", b'{"layout": 1e400, "written_by": "x"}', b"[" * 100_000, b""]


@pytest.mark.parametrize("content", [*DAMAGED_LAYOUTS, None])
def test_a_damaged_layout_is_one_error(tmp_path, content):
    file = tmp_path / "state" / "layout.json"
    if content is None:
        file.mkdir(parents=True)
    else:
        file.parent.mkdir()
        file.write_bytes(content)
    with pytest.raises(StoreError, match=r"layout\.json is damaged: it contains no .*\n  hint: delete it"):
        StateDirectory(tmp_path / "state").require_layout()


def test_a_tracking_server_replaces_the_database(tmp_path, monkeypatch):
    state = StateDirectory(tmp_path)
    assert state.tracking_uri.startswith("sqlite:///")
    assert state.artifacts == tmp_path / "mlflow" / "artifacts"
    monkeypatch.setenv("MLOPS_TRACKING_URI", "http://mlflow.example:5000")
    assert state.tracking_uri == "http://mlflow.example:5000"
    assert state.artifacts is None
