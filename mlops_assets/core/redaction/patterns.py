"""Patterns of secret values: each character as itself, or as encoders and `repr` write it.

A message may contain a secret percent-encoded, by any encoder's choice of characters, in a `repr`, in JSON,
in HTML or in a shell command, or nested. Each character therefore matches in any of its forms, instead of
the whole value in a list of forms.
"""

import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Collection
from functools import lru_cache

SHORTEST, CERTAIN = 4, 8
"""Length from which a secret is replaced as a whole word, and anywhere.

Replaced anywhere, a short secret or a common word would make messages unreadable, and reveal itself by the
gaps in known texts: `f***iled` has only one explanation.
"""
_WORD_START = (
    r"(?:(?<!\w)|(?<=%[0-9A-Fa-f]{2})|(?<=\\[nrtbfv0])|(?<=\\x[0-9A-Fa-f]{2})|(?<=\\u[0-9A-Fa-f]{4}))"
)
_WORD_END = r"(?!\w)"
_HTML = {"&": ("amp", "38"), "<": ("lt", "60"), ">": ("gt", "62"), '"': ("quot", "34"), "'": ("apos", "39")}
_NAMED_ESCAPES = {"\n": "n", "\r": "r", "\t": "t", "\b": "b", "\f": "f"}


def without_values(text: str, secrets: Collection[str], mask: str) -> str:
    """Return a text with each of the secrets, the longest first, replaced by a mask."""
    present = frozenset(secret for secret in secrets if is_replaceable(secret) and _may_occur(secret, text))
    return _pattern_of_any(present).sub(mask, text) if present else text


def _may_occur(secret: str, text: str) -> bool:
    """A fast necessary condition: letters and digits in a row stay together, or all are percent-encoded."""
    sequence, encoded, base64 = _traces(secret)
    return (
        not sequence
        or sequence in text
        or ("%" in text and encoded.search(text) is not None)
        or any(part in text for part in base64)
    )


@lru_cache(maxsize=256)
def _traces(secret: str) -> tuple[str, re.Pattern[str], Collection[str]]:
    sequence = max(re.findall(r"[A-Za-z0-9]{2,}", secret), key=len, default="")
    return sequence, re.compile("".join(_percent(char.encode()) for char in sequence[:2])), _base64(secret)


@lru_cache(maxsize=64)
def _pattern_of_any(secrets: frozenset[str]) -> re.Pattern[str]:
    return re.compile("|".join(map(_pattern, sorted(secrets, key=len, reverse=True))))


def any_spelling(value: str) -> str:
    """The pattern of a value as a word of its own, as itself or with any character escaped.

    It has no named groups, and can be part of another pattern.
    """
    return f"{_WORD_START}{_characters(value)}{_WORD_END}"


def is_replaceable(secret: str) -> bool:
    """Whether a secret is replaced by its value: shorter ones are removed only where they are parsed."""
    return len(secret) >= (CERTAIN if secret.isdecimal() else SHORTEST)


def _pattern(secret: str) -> str:
    characters = _characters(secret)
    encoded = "|".join(re.escape(text) for text in _base64(secret))
    if len(secret) < CERTAIN or secret.isalpha() or secret.isdecimal():
        start = _WORD_START if re.match(r"\w", secret) else ""
        end = _WORD_END if re.search(r"\w\Z", secret) else ""
        characters = f"{start}{characters}{end}"
    return f"(?:{characters}|{encoded})"


def _characters(text: str) -> str:
    return "".join(_run(found[0]) for found in re.finditer(r"\\+|[^\\]", text, re.DOTALL))


def _run(text: str) -> str:
    """The pattern of a character, or of successive backslashes, which escaping multiplies."""
    if text[0] == "\\":
        return rf"(?:\\{{{len(text)},}}+|(?:%(?:25)*5[Cc]){{{len(text)},}}+)"
    return _character(text)


def _character(text: str) -> str:
    code, utf8 = ord(text), text.encode("utf-8", "surrogatepass")
    if text.isascii() and text.isalnum():
        return f"(?:{text}|{_percent(utf8)})"
    units = text.encode("utf-16-be", "surrogatepass")
    forms = [
        rf"\\*+{re.escape(text)}",
        _percent(utf8),
        "".join(rf"\\*+u{_hexadecimal(units[at : at + 2])}" for at in range(0, len(units), 2)),
        "".join(rf"\\*+x{_hexadecimal(bytes([byte]))}" for byte in utf8),
        rf"\\*+U{_hexadecimal(code.to_bytes(4, 'big'))}",
        rf"&#0*{code};",
        rf"&#[xX]0*(?i:{code:x});",
    ]
    if code < 0x100:
        forms.append(rf"\\*+x{_hexadecimal(bytes([code]))}")
    if text in _HTML:
        forms.append(f"&{_HTML[text][0]};")
    if text in _NAMED_ESCAPES:
        forms.append(rf"\\*+{_NAMED_ESCAPES[text]}")
    if text == " ":
        forms.append(r"\+")
    if text == "'":  # doubled in SQL, and closed and opened again in a shell
        forms = ["''", r"'\"'\"'", r"'\\+''", *forms]
    return f"(?:{'|'.join(dict.fromkeys(forms))})"


def _percent(utf8: bytes) -> str:
    """The pattern of percent-encoded bytes, encoded once or more."""
    if utf8 == b"%":
        return "%(?:25)+"
    return "".join(f"%(?:25)*{_hexadecimal(bytes([byte]))}" for byte in utf8)


def _hexadecimal(data: bytes) -> str:
    return "".join(f"[{digit}{digit.upper()}]" if digit.isalpha() else digit for digit in data.hex())


def _base64(secret: str) -> Collection[str]:
    data = secret.encode("utf-8", "surrogatepass")
    return {encode(data).decode().rstrip("=") for encode in (b64encode, urlsafe_b64encode)}
