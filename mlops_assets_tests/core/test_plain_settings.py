"""Settings in words."""

import pytest

from mlops_assets.core.plain_settings import setting_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("%m/%d/%Y %H:%M", "%m/%d/%Y %H:%M"),
        ({"unit": "$", "thousands": ",", "parentheses": True}, "unit $, thousands ',', parentheses"),
        ({"skip_lines": 1, "nulls": ["NA", " ", "-"]}, "skip_lines 1, nulls NA and ' ' and '-'"),
        ({"delimiter": "\t", "sheet": "Q1 2024"}, "delimiter '\\t', sheet Q1 2024"),
    ],
)
def test_settings_are_words_and_only_invisible_ends_are_quoted(value, text):
    assert setting_text(value) == text
