"""Texts for people: characters that a terminal obeys, instead of showing them, are written as escapes.

Names and values of data may contain sequences that clear a terminal, change its title or what was printed
before, and marks that reverse the order in which text is read.
"""

import re

_OBEYED = "\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff"
_ALL = re.compile(f"[{_OBEYED}]")
_IN_JSON = re.compile("[\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def visible(text: str) -> str:
    """Return a text with control characters as escapes such as `\\x1b`; line ends and tabs stay."""
    return _ALL.sub(_escape, text.replace("\r\n", "\n"))


def visible_json(document: str) -> str:
    """Return a JSON document of the same value with control characters as escapes such as `\\u009b`."""
    return _IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", document)


def markdown_line(value: object) -> str:
    """Return a value as one line of plain Markdown text, with table borders, HTML and links escaped."""
    text = visible(" ".join(str(value).split()))
    for mark in ("\\", "|", "<", "[", "]", "`"):
        text = text.replace(mark, f"\\{mark}")
    return text


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
