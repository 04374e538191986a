"""Local files as a location: listing, digests, and files that change after they were listed."""

import os
from hashlib import sha256
from pathlib import Path

import pytest

from mlops_assets.core.errors import DataError
from mlops_assets.stores.files.csv_dialect import Dialect
from mlops_assets.stores.files.locations import LocalFiles, as_files


def test_a_path_is_a_local_location(tmp_path: Path):
    files = as_files(tmp_path)
    assert isinstance(files, LocalFiles)
    assert as_files(files) is files
    assert files.display_name == str(tmp_path)


def test_a_local_file_is_hashed_with_the_dialect_and_not_copied(tmp_path: Path):
    (tmp_path / "a.csv").write_bytes(b"a;b\n")
    files = LocalFiles(tmp_path, Dialect(delimiter=";"))
    [listed] = files.list_files()
    [file] = files.hash_files([listed], subject="shop: table orders")
    assert file.sha256 == files.digest(listed) == sha256(b"a;b\n").hexdigest()
    assert file.dialect.delimiter == ";"
    assert files.local_copy(file, subject="shop: table orders") is file
    error = DataError(f"{file.path} is bad")
    assert files.with_source_path(error) is error


@pytest.mark.parametrize("change", ["touched", "longer", "deleted"])
def test_a_file_that_changes_after_it_was_listed_is_noticed(tmp_path: Path, change: str):
    path = tmp_path / "a.csv"
    path.write_bytes(b"a\n1\n")
    os.utime(path, (1_700_000_000, 1_700_000_000))
    files = LocalFiles(path)
    [listed] = files.require_files(subject="shop: table orders")
    assert files.is_unchanged(listed)
    if change == "touched":
        os.utime(path, (1_700_000_001, 1_700_000_001))
    elif change == "longer":
        path.write_bytes(b"a\n1\n2\n")
        os.utime(path, (1_700_000_000, 1_700_000_000))
    else:
        path.unlink()
    assert not files.is_unchanged(listed)
