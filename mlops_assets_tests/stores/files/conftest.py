"""A table that is ingested from files, and the errors of bad files."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlops_assets.core.errors import DataError
from mlops_assets.stores.files.csv_dialect import Dialect
from mlops_assets_tests.support.file_table import SUBJECT, FileTable


@pytest.fixture
def table(tmp_path: Path) -> FileTable:
    return FileTable(tmp_path)


@pytest.fixture
def error_of(table: FileTable, record_property) -> Callable[..., str]:
    """The error of a bad file; it leaves the table unchanged, and a corrected file is ingested after it."""

    def run(name: str, content: bytes, **dialect: Any) -> str:
        sound = [("0", "before")]
        assert table.replace("sound.csv", b"id,name\n0,before\n") == sound
        version = table.version
        with pytest.raises(DataError) as raised:
            table.replace(name, content, Dialect(**dialect))
        assert table.rows() == sound
        assert table.version == version
        assert table.replace("corrected.csv", b"id,name\n1,x\n2,y\n") == [("1", "x"), ("2", "y")]
        message = str(raised.value)
        assert message.startswith(f"{SUBJECT}: {table.folder / name}")
        assert "hint: " in message
        assert max(map(len, message.splitlines())) < 500
        record_property("message", message)
        return message.removeprefix(f"{SUBJECT}: {table.folder}/")

    return run
