"""docs/libraries.md: each row names a test that exists."""

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs" / "libraries.md"
ROWS = [line for line in PAGE.read_text("utf-8").splitlines() if re.match(r"\| (?!library|---)", line)]
_TEST = re.compile(r"\| `([\w/]+\.py)::(test_\w+)` \|$")


@pytest.mark.parametrize("row", ROWS)
def test_a_row_names_a_test(row: str):
    found = _TEST.search(row)
    assert found is not None, "the last cell is the test"
    file, name = found.groups()
    assert re.search(rf"^def {name}\(", (TESTS / file).read_text("utf-8"), flags=re.MULTILINE)


def test_the_page_has_rows():
    assert len(ROWS) > 20
