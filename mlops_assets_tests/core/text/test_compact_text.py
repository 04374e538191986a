"""Compact texts: long ones are smaller, and all come back."""

import pytest

from mlops_assets.core.text.compact_text import compact, expanded


@pytest.mark.parametrize("text", ["", "short", "é" * 399, "é" * 400, "a\0\ud800" * 1_000, '{"a": 1}' * 500])
def test_a_text_comes_back(text: str):
    stored = compact(text)
    assert expanded(stored) == text
    assert isinstance(stored, str) == (len(text) < 400)


def test_a_long_text_is_smaller():
    assert len(compact('{"__class__": "EventLogEntry"}' * 100)) < 200


@pytest.mark.parametrize("stored", [b"", b"other", b"zlib\0no"])
def test_other_bytes_are_an_error(stored: bytes):
    with pytest.raises(ValueError, match="compact text"):
        expanded(stored)
