"""Settings in words, for output that people read."""

from collections.abc import Mapping
from typing import Any


def setting_text(value: Any) -> str:
    """A declared value without the notation of a programming language.

    Examples
    --------
    >>> setting_text({"unit": "$", "thousands": ",", "parentheses": True})
    "unit $, thousands ',', parentheses"
    >>> setting_text(["NA", " "])
    "NA and ' '"
    """
    if isinstance(value, Mapping):
        return ", ".join(
            name if held is True else f"{name} {setting_text(held)}" for name, held in value.items()
        )
    if isinstance(value, list | tuple):
        return " and ".join(map(setting_text, value))
    return _word(value) if isinstance(value, str) else str(value)


def _word(text: str) -> str:
    """A text, in quotes if its ends could not be seen."""
    is_plain = text.isprintable() and text.strip() == text and text.strip(",.;:'\"|-_") != ""
    return text if is_plain else repr(text)
