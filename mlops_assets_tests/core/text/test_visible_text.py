"""Control characters in texts for people, and in JSON."""

import json

import pytest

from mlops_assets.core.errors import DataError
from mlops_assets.core.text.visible_text import markdown_line, visible, visible_json

TEXTS = {
    "a\x1b[31m": "a\\x1b[31m",
    "bell\x07, delete\x7f, CSI \x9b": "bell\\x07, delete\\x7f, CSI \\x9b",
    "over\rwritten": "over\\x0dwritten",
    "reversed \u202e, isolated \u2066": "reversed \\u202e, isolated \\u2066",
    "half \udcff": "half \\udcff",
}


@pytest.mark.parametrize(("text", "shown"), TEXTS.items())
def test_a_character_that_a_terminal_obeys_is_an_escape(text: str, shown: str):
    assert visible(text) == shown
    assert visible(shown) == shown


def test_text_in_any_script_its_lines_and_tabs_stay():
    text = "Zürich\t東京\n😀 \u200dשלום é"
    assert visible(text) == text
    assert visible("a\r\nb") == "a\nb"


def test_a_json_document_keeps_its_value():
    value = {"d\x9b31m\x7f": ["\x1b[2J", "\u202e", "ü"]}
    document = visible_json(json.dumps(value, ensure_ascii=False))
    assert json.loads(document) == value
    assert visible(document) == document
    assert "ü" in document


def test_an_error_shows_the_control_characters_of_a_name():
    error = DataError("no column a\x1b]0;x\x07", hint="rename b\x9b", without_values="c\x1b")
    assert error.message == "no column a\\x1b]0;x\\x07"
    assert error.hint == "rename b\\x9b"
    assert error.without_values == "c\\x1b"
    assert "\x1b" not in str(error)


def test_markdown_shows_a_value_without_its_markup():
    assert markdown_line("![x](http://a)\n<b>|\x1b") == "!\\[x\\](http://a) \\<b>\\|\\\\x1b"
