"""The journal of a search: incomplete and damaged lines."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mlops_assets.core.errors import ModelError
from mlops_assets_tests.support.searches import SEARCH, KilledError, kill_after, proposals


def test_a_search_resumes_from_a_journal_with_an_incomplete_last_line(search, tmp_path: Path):
    journal = tmp_path / "search.journal"
    with pytest.raises(KilledError):
        search(journal=journal, on_trial=kill_after(3))
    journal.write_bytes(journal.read_bytes()[:-20])
    assert proposals(search(journal=journal)) == proposals(search())


def test_a_line_damaged_before_the_end_is_an_error_with_its_number(
    search, tmp_path: Path, record_property: Callable[[str, object], None]
):
    journal = tmp_path / "search.journal"
    search(replace(SEARCH, trials=1), journal=journal)
    lines = journal.read_bytes().splitlines(keepends=True)
    lines[2] = lines[2][:10] + b"\n"
    journal.write_bytes(b"".join(lines))
    damaged = journal.read_bytes()
    with pytest.raises(ModelError, match="line 3 is damaged") as raised:
        search(journal=journal)
    record_property("message", str(raised.value))
    assert journal.read_bytes() == damaged, "the journal is unchanged"
