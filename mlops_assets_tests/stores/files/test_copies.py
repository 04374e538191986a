"""Copies among source files are rejected, and files that only look alike are not."""

import gzip
from pathlib import Path

import duckdb
import pytest

from mlops_assets.core.errors import DataError
from mlops_assets.stores.files.copies import reject_copies
from mlops_assets.stores.files.listing import find_files
from mlops_assets.stores.files.reader import read_files

SUBJECT = "gym: table visits"


def check(folder: Path, files: dict[str, str]) -> None:
    for name, content in files.items():
        path = folder / name
        path.write_bytes(gzip.compress(content.encode()) if name.endswith(".gz") else content.encode())
    with duckdb.connect() as connection:
        found = find_files(folder, subject=SUBJECT)
        reject_copies(found, read_files(connection, found, subject=SUBJECT), subject=SUBJECT)


@pytest.mark.parametrize(
    ("copy", "original"),
    [
        ("visits (1).csv", "visits.csv"),
        ("visits(2).csv", "visits.csv"),
        ("Visits - Copy.csv", "visits.csv"),
        ("visits - Copy (3).csv", "visits.csv"),
        ("visits copy.csv", "visits.csv"),
        ("visits copy 2.csv", "visits.csv"),
        ("Copy of visits.csv", "visits.csv"),
        ("visits.csv.gz", "visits.csv"),
        ("visits 2025-03 (1).jsonl.gz", "visits 2025-03.jsonl.gz"),
    ],
)
def test_a_file_named_like_a_copy_is_rejected(tmp_path: Path, copy: str, original: str):
    form = '{{"id": {}}}\n' if ".jsonl" in copy else "id\n{}\n"
    with pytest.raises(DataError) as caught:
        check(tmp_path, {original: form.format(1), copy: form.format(2)})
    assert str(caught.value).splitlines()[0] == (
        f"{SUBJECT}: {copy} is named like a copy of {original}: its rows would be counted twice"
    )
    assert caught.value.hint is not None
    assert "delete one of the two files" in caught.value.hint


def test_a_file_with_the_content_of_another_one_is_rejected(tmp_path: Path):
    with pytest.raises(DataError, match=r"b\.csv has the same content as a\.csv: its rows would"):
        check(tmp_path, {"a.csv": "id\n1\n", "b.csv": "id\n1\n", "c.csv": "id\n2\n"})


@pytest.mark.parametrize(
    "names",
    [
        ["visits (1).csv", "visits (2).csv"],
        ["visits 1.csv", "visits 2.csv"],
        ["visits.csv", "visits_copy_machine.csv", "photocopy visits.csv"],
        ["visits.csv", "orders (1).csv"],
    ],
)
def test_other_names_are_no_copies(tmp_path: Path, names: list[str]):
    check(tmp_path, {name: f"id\n{number}\n" for number, name in enumerate(names)})


def test_files_without_rows_may_be_equal(tmp_path: Path):
    check(tmp_path, {"a.csv": "id\n", "b.csv": "id\n", "c.csv": "id\n1\n"})
