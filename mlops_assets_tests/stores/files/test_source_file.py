"""Source files: formats by suffix, and the file attributes that identify unchanged content."""

import os
from pathlib import Path

import pytest

from mlops_assets.stores.files.source_file import SourceFile, Stamp, format_of


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("orders.csv", "csv"),
        ("ORDERS.CSV.GZ", "csv"),
        ("deep/orders.parquet", "parquet"),
        ("orders.ndjson.gz", "jsonl"),
        ("orders.xlsx", "excel"),
        ("orders.tsv.gz", "csv"),
        ("orders.txt", "csv"),
        ("orders.json", "jsonl"),
        ("orders.xls", None),
        ("orders.csv.zip", None),
        ("csv", None),
    ],
)
def test_the_format_of_a_file_is_known_by_its_suffix(name: str, expected: str | None):
    assert format_of(name) == expected


def test_a_stamp_changes_when_a_file_is_replaced_with_the_same_size_and_time(tmp_path: Path):
    path, other = tmp_path / "a.csv", tmp_path / "b.csv"
    for file in (path, other):
        file.write_text("a\n1\n")
        os.utime(file, (1_700_000_000, 1_700_000_000))
    before = Stamp.of(path)
    assert Stamp.of(path)[:4] == before[:4]
    other.replace(path)
    after = Stamp.of(path)
    assert (after.size, after.mtime_ns) == (before.size, before.mtime_ns)
    assert after.inode != before.inode


def test_equal_files_may_have_different_stamps(tmp_path: Path):
    (tmp_path / "a.csv").write_text("a\n")
    file = SourceFile(tmp_path / "a.csv", "a.csv", "csv", "0" * 64)
    stamped = SourceFile(tmp_path / "a.csv", "a.csv", "csv", "0" * 64, stamp=Stamp.of(tmp_path / "a.csv"))
    assert file == stamped
