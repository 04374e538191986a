"""Promises of the threat model."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
TESTS = re.findall(r"`(mlops_assets_tests/[^`]+)`", PAGE)


def test_each_promise_names_a_test() -> None:
    paragraphs = [paragraph for paragraph in PAGE.split("\n\n") if paragraph.startswith("**Promised")]
    assert paragraphs
    assert not [paragraph for paragraph in paragraphs if "mlops_assets_tests/" not in paragraph]


@pytest.mark.parametrize("name", TESTS)
def test_the_named_test_exists(name: str) -> None:
    file, _, function = name.partition("::")
    assert (ROOT / file).exists()
    assert not function or f"def {function}(" in (ROOT / file).read_text(encoding="utf-8")
