"""Errors of files that can't be read to their end, that change meanwhile, or lack read permission."""

import gzip
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from mlops_assets.core.errors import DataError
from mlops_assets.stores.files.listing import find_files
from mlops_assets_tests.support.file_table import SUBJECT, FileTable

LONG = b"id,name\n" + b"".join(b"%d,%d\n" % (number, number * 7919 % 10007) for number in range(9_000))
PACKED = gzip.compress(LONG, mtime=0)


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        (
            "a.csv.gz",
            PACKED[: len(PACKED) // 2],
            "a.csv.gz is truncated: the end of the gzip stream is missing",
        ),
        ("a.csv.gz", PACKED[:-1], "a.csv.gz is truncated"),
        ("a.csv.gz", PACKED[:-8] + bytes(8), "a.csv.gz can't be decompressed: CRC check failed"),
        ("a.csv.gz", PACKED[:5000] + bytes(9) + PACKED[5009:], "a.csv.gz can't be decompressed: "),
        (
            "a.jsonl",
            b'{"id": 1}\n{"id": \n{"id": 3}\n',
            "a.jsonl, line 2 is not valid JSON at character 9: '{\"id\":'\n  hint: correct the line",
        ),
        (
            "a.jsonl",
            b'{"id": 1}\n{"id": 2',
            "the line has no line end, so the file seems to be incomplete",
        ),
        ("a.jsonl", b'{"id": 1}\n[1]\n', "a.jsonl, line 2 is JSON, but not an object: '[1]'"),
        ("a.jsonl", b'{"id": "\xe9"}\n', "a.jsonl, line 1 is not valid UTF-8: byte 8 is 0xe9"),
        ("a.jsonl", b'{"id": "\\ud83d"}\n', "a.jsonl, line 1 has an escape such as \\ud83d that is half"),
        ("a.parquet", LONG, "a.parquet is not a Parquet file: it begins with b'id,n'"),
        ("a.parquet", b"", "a.parquet is empty and not a Parquet file"),
    ],
)
def test_an_error_names_the_file_the_line_and_the_reason(error_of, name: str, content: bytes, expected: str):
    assert expected in error_of(name, content)


def test_a_truncated_or_damaged_parquet_file_is_reported(error_of, tmp_path: Path):
    pd.DataFrame({"id": range(1000)}).to_parquet(tmp_path / "whole.parquet")
    whole = (tmp_path / "whole.parquet").read_bytes()
    assert "a.parquet is truncated: the end mark of Parquet is missing" in error_of(
        "a.parquet", whole[: len(whole) // 2]
    )
    assert "a.parquet is a damaged Parquet file" in error_of("a.parquet", whole[:4] + whole[1000:])


@pytest.mark.parametrize("change", ["overwritten", "deleted"])
def test_a_file_that_changes_while_it_is_read_is_not_written(table: FileTable, record_property, change: str):
    table.replace("a.csv", b"id,name\n0,before\n")
    version = table.version
    with duckdb.connect() as connection:
        files = find_files(table.folder, subject=SUBJECT)
        if change == "deleted":
            files[0].path.unlink()
        else:  # with the same size and modification time
            files[0].path.write_bytes(b"id,name\n0,AFTER!\n")
            assert files[0].stamp is not None
            os.utime(files[0].path, ns=(files[0].stamp.mtime_ns, files[0].stamp.mtime_ns))
        with pytest.raises(DataError, match=r"a\.csv (changed|was deleted) while it was read\n") as raised:
            table.write(connection, files)
    assert table.rows() == [("0", "before")]
    assert table.version == version
    record_property("message", str(raised.value))


UNPRIVILEGED = """
import os, sys
from pathlib import Path
from mlops_assets.core.errors import DataError
from mlops_assets.stores.files.listing import find_files
from mlops_assets.stores.sources.watch import poll_source
from mlops_assets.stores.sources.watch_snapshot import WatchSnapshot
os.setgid(65534), os.setuid(65534)
for source in sys.argv[1:]:
    for read in (find_files, lambda *one, **more: poll_source(WatchSnapshot(), *one, None, None, **more)):
        try:
            read(Path(source), subject="shop: table orders")
        except DataError as error:
            print(error)
"""


def test_a_missing_read_permission_is_reported_with_the_user(tmp_path: Path, record_property):
    """Root may read every file, so another user reads here."""
    for folder in (tmp_path, *tmp_path.parents[:-2]):
        folder.chmod(folder.stat().st_mode | 0o055)
    closed, readable = tmp_path / "closed", tmp_path / "readable"
    for folder in (closed, readable):
        folder.mkdir()
        (folder / "a.csv").write_text("id,name\n1,x\n")
    (readable / "a.csv").chmod(0)
    closed.chmod(0)
    folders = [closed, closed / "*.csv", closed / "a.csv", tmp_path / "*" / "*.csv"]
    sources = [*folders, readable, readable / "a.csv"]
    done = subprocess.run(
        [sys.executable, "-c", UNPRIVILEGED, *map(str, sources)], capture_output=True, text=True, check=True
    )
    messages = done.stdout.strip().split("\nshop: ")
    reported = [source for source in folders for _ in ("by a run", "by a sensor")]
    for source, message in zip([*reported, readable, readable / "a.csv"], messages, strict=True):
        place = readable / "a.csv" if source.is_relative_to(readable) else closed
        assert f"table orders: {place}" in message
        assert "can't be read: permission denied\n  hint: grant read permission to UID 65534" in message
        record_property("message", message)
