"""Only files in the state directory are its own, whatever links and paths lead to others."""

from pathlib import Path

from mlops_assets.stores.system.own_files import is_own, linked_outside, own_report


def test_a_file_is_own_if_it_lies_in_the_folder_after_links_are_followed(tmp_path: Path):
    state, other = tmp_path / "state", tmp_path / "other"
    for folder in (state / "warehouse", other / "warehouse"):
        folder.mkdir(parents=True)
        (folder / "rows").touch()
    warehouse = state / "warehouse"
    (warehouse / "linked").symlink_to(other / "warehouse")
    assert is_own(warehouse / "rows", warehouse, state)
    assert not is_own(warehouse / "linked" / "rows", warehouse, state)
    assert not is_own(warehouse / ".." / ".." / "other" / "warehouse" / "rows", warehouse, state)
    assert not is_own(other / "warehouse" / "rows", warehouse, state)


def test_the_state_directory_may_be_a_link_but_its_folders_may_not(tmp_path: Path):
    disk, state = tmp_path / "disk", tmp_path / "state"
    (disk / "mlflow").mkdir(parents=True)
    state.symlink_to(disk)
    assert is_own(state / "mlflow" / "a", state / "mlflow", state)
    assert linked_outside(state, state / "mlflow") == []
    (tmp_path / "shared").mkdir()
    (state / "warehouse").symlink_to(tmp_path / "shared")
    assert not is_own(state / "warehouse" / "a", state / "warehouse", state)
    assert linked_outside(state, state / "mlflow", state / "warehouse") == [state / "warehouse"]


def test_a_report_is_looked_up_in_the_own_folder():
    recorded = "/former/reports/lending/run/report.html"
    assert own_report(recorded, Path("/here/lending")) == Path("/here/lending/run/report.html")
