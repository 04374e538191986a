"""Listing of source files: which files a path, a glob or a folder contains."""

from hashlib import sha256
from pathlib import Path

import pytest

from mlops_assets.core.errors import DataError
from mlops_assets.stores.files.listing import find_files, list_files, source_folder

SUBJECT = "shop: table orders"


def names(source: Path) -> list[str]:
    return [file.name for file in find_files(source, subject=SUBJECT)]


def test_a_source_is_a_file_a_folder_or_a_glob(tmp_path: Path):
    for name in ("b.csv", "a.csv.gz", "C.PARQUET", "deep/d.jsonl", "notes.txt", "~$b.xlsx", "d.xlsx"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    assert names(tmp_path / "b.csv") == ["b.csv"]
    assert names(tmp_path) == ["C.PARQUET", "a.csv.gz", "b.csv", "d.xlsx"]
    assert names(tmp_path / "*.xlsx") == ["d.xlsx"], "without the lock of an open workbook"
    assert names(tmp_path / "*.txt") == ["notes.txt"], "which is not taken from a folder"
    assert names(tmp_path / "*.csv*") == ["a.csv.gz", "b.csv"]
    assert names(tmp_path / "**/*[bd].*[vl]") == ["b.csv", "deep/d.jsonl"]


def test_the_name_and_hash_of_a_file_do_not_depend_on_where_the_folder_is(tmp_path: Path):
    found = []
    for place in ("here", "there/deep"):
        for month in ("01", "02"):
            folder = tmp_path / place / month
            folder.mkdir(parents=True)
            (folder / "orders.csv").write_text(f"a\n{month}\n")
        found.append(find_files(tmp_path / place / "*" / "*.csv", subject=SUBJECT))
    assert [file.name for file in found[0]] == ["01/orders.csv", "02/orders.csv"]
    assert [(file.name, file.sha256) for file in found[0]] == [(file.name, file.sha256) for file in found[1]]
    assert found[0][0].sha256 == sha256(b"a\n01\n").hexdigest()


def listed(source: Path, *, deep: bool = False) -> list[str]:
    return [file.name for file in list_files(source, deep=deep)]


def test_a_listing_has_names_sizes_and_times(tmp_path: Path):
    for name in ("b.csv", "deep/er/a.csv", "deep/notes.txt", ".hidden/c.csv", "folder.csv/d.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "broken.csv").symlink_to(tmp_path / "nowhere")
    assert listed(tmp_path) == ["b.csv"]
    assert listed(tmp_path, deep=True) == ["b.csv", "deep/er/a.csv", "folder.csv/d.csv"]
    assert listed(tmp_path / "**" / "*", deep=True) == [
        "b.csv",
        "deep/er/a.csv",
        "deep/notes.txt",
        "folder.csv/d.csv",
    ]
    assert listed(tmp_path / "deep" / "*" / "*.csv") == ["er/a.csv"]
    assert listed(tmp_path / "b.csv") == ["b.csv"]
    assert listed(tmp_path / "nowhere") == []
    [file] = list_files(tmp_path / "b.csv")
    assert (file.size, file.mtime_ns) == (5, (tmp_path / "b.csv").stat().st_mtime_ns)


def test_a_folder_with_a_link_to_itself_is_listed_once(tmp_path: Path):
    (tmp_path / "a.csv").write_text("a")
    (tmp_path / "again").symlink_to(tmp_path)
    assert listed(tmp_path, deep=True) == ["a.csv"]


def test_relative_and_absolute_sources_have_the_same_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "data" / "x").mkdir(parents=True)
    (tmp_path / "data" / "x" / "a.csv").write_text("a")
    monkeypatch.chdir(tmp_path)
    for source in ("data/x", "data/x/*.csv", "./data/x/a.csv"):
        assert [file.name for file in list_files(Path(source))] == ["a.csv"]
    assert listed(Path("*/x/*.csv")) == ["data/x/a.csv"]
    monkeypatch.chdir(tmp_path / "data" / "x")
    assert [listed(Path(source)) for source in (".", "*.csv", "a.csv")] == [["a.csv"]] * 3


@pytest.mark.parametrize("source", ["orders.csv", "*.csv", ".", "nowhere/"])
def test_no_file_is_an_error_that_names_the_path(tmp_path: Path, source: str):
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(
        DataError, match=rf"shop: table orders: no file at {tmp_path}.*\n  hint: put a file there"
    ):
        find_files(tmp_path / source, subject=SUBJECT)


@pytest.mark.parametrize("source", ["orders.xls", "orders.*"])
def test_an_unknown_format_is_an_error(tmp_path: Path, source: str):
    (tmp_path / "orders.xls").write_text("x")
    with pytest.raises(DataError, match=r"orders\.xls has an unknown format"):
        find_files(tmp_path / source, subject=SUBJECT)


@pytest.mark.parametrize(
    ("source", "folder"),
    [
        ("data/raw/orders.csv", "data/raw"),
        ("data/raw", "data/raw"),
        ("data/*/orders.csv", "data"),
        ("data/raw/*.csv.gz", "data/raw"),
        ("*.csv", "."),
    ],
)
def test_the_folder_of_a_source_does_not_depend_on_how_it_is_declared(source: str, folder: str):
    assert source_folder(Path(source)) == Path(folder)
