"""Where things lie: the project root and the state directory."""

from pathlib import Path

import pytest

from mlops_assets.errors import StoreError
from mlops_assets.stores.state import StateDirectory, dg_settings, find_project_root


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose folder holds a package with a `pyproject.toml` of its own."""
    inner = tmp_path / "project" / "package" / "deep"
    inner.mkdir(parents=True)
    (tmp_path / "project" / "pyproject.toml").write_text("[tool.dg]\ndirectory_type = 'project'\n")
    (inner.parent / "pyproject.toml").write_text("[project]\nname = 'package'\n")
    return tmp_path / "project"


def test_the_root_is_the_nearest_folder_whose_pyproject_is_dagsters(project: Path):
    assert find_project_root(project) == project
    assert find_project_root(project / "package" / "deep") == project


def test_the_root_is_looked_for_from_where_one_is(project: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(project / "package")
    assert find_project_root() == project


def test_outside_a_project_there_is_no_root(tmp_path: Path):
    with pytest.raises(StoreError, match=r"no project at or above .*\n  hint: change into the folder"):
        find_project_root(tmp_path)


def test_a_pyproject_that_cannot_be_parsed_is_named(project: Path):
    (project / "pyproject.toml").write_text("[tool.dg\n")
    with pytest.raises(StoreError, match=r"project/pyproject.toml is no valid TOML"):
        find_project_root(project / "package")


def test_settings_are_dagsters_table(project: Path):
    assert dg_settings(project) == {"directory_type": "project"}
    assert dg_settings(project / "package") == {}
    assert dg_settings(project / "nowhere") == {}


def test_state_lies_below_the_project(project: Path):
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


def test_an_empty_mlops_state_dir_is_none(project: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MLOPS_STATE_DIR", "")
    assert StateDirectory.of(project).root == project / "data" / "state"
