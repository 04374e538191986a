"""A record of a project's files and settings, small enough for each materialization, and its differences."""

import json
from collections.abc import Collection, Iterator, Mapping
from difflib import SequenceMatcher
from typing import Any

from mlops_assets.core.digests import text_digest

_DIGITS = 8
FILES, SETTINGS, VERSION = "files", "settings", "mlops_assets"

Declaration = Mapping[str, Any]
"""`files`: digests of the lines of each file. `settings`: values by path, such as `tuning.folds`, without
those that are the default. `mlops_assets`: its version."""


def record_declaration(files: Mapping[str, str], settings: Mapping[str, Any], version: str) -> Declaration:
    """Record texts and settings; of texts, there are digests only, because they may quote values of rows."""
    return {
        FILES: {name: [_digest(line) for line in text.splitlines()] for name, text in files.items()},
        SETTINGS: dict(_flat(settings)),
        VERSION: version,
    }


def to_text(declaration: Declaration) -> str:
    """A record as one line; the digests of a file's lines follow each other."""
    files = {name: "".join(digests) for name, digests in declaration[FILES].items()}
    return json.dumps({**declaration, FILES: files}, separators=(",", ":"))


def from_text(text: object) -> Declaration | None:
    """The record that `to_text` wrote; None for any other text."""
    try:
        found = json.loads(text) if isinstance(text, str) else None
        if not isinstance(found, dict) or not {FILES, SETTINGS, VERSION} <= found.keys():
            return None
        files = {
            name: [joined[start : start + _DIGITS] for start in range(0, len(joined), _DIGITS)]
            for name, joined in found[FILES].items()
        }
    except (ValueError, AttributeError, TypeError):
        return None
    return {**found, FILES: files}


def differences(
    before: Declaration, after: Declaration, *, files: Collection[str], settings: Collection[str]
) -> list[str]:
    """Describe what differs, such as `features.sql has changed (lines 3-5)` or `setting tuning.folds 2 → 3`.

    Parameters
    ----------
    files, settings
        The files and the top-level settings to compare.
    """
    found = [
        text
        for name in files
        if (text := _file_difference(name, before[FILES].get(name), after[FILES].get(name)))
    ]
    for path in sorted({*before[SETTINGS], *after[SETTINGS]}):
        if path.partition(".")[0] in settings:
            values = [side[SETTINGS].get(path, "default") for side in (before, after)]
            if values[0] != values[1]:
                found.append(_setting_difference(path, values))
    if not found and before[VERSION] != after[VERSION]:
        found.append(f"version of mlops_assets {before[VERSION]} → {after[VERSION]}")
    return found


def _file_difference(name: str, before: list[str] | None, after: list[str] | None) -> str | None:
    if before == after:
        return None
    if before is None or after is None:
        return f"{name} is new" if before is None else f"{name} was removed"
    changed = [
        (start, end)
        for kind, _, _, start, end in SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
        if kind != "equal"
    ]
    shown = ", ".join(_lines(start, end) for start, end in changed[:3])
    more = f" and {len(changed) - 3} more places" if len(changed) > 3 else ""
    one = len(changed) == 1 and changed[0][1] - changed[0][0] <= 1
    return f"{name} has changed ({'line' if one else 'lines'} {shown}{more})"


def _lines(start: int, end: int) -> str:
    """Lines of the new text; before the line after a removed part."""
    first, last = start + 1, max(end, start + 1)
    return str(first) if first == last else f"{first}-{last}"


def _setting_difference(path: str, values: list[Any]) -> str:
    if any(isinstance(value, str) and value != "default" for value in values):
        return f"setting {path} has changed"
    before, after = (value if isinstance(value, str) else json.dumps(value) for value in values)
    return f"setting {path} {before} → {after}"


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _flat(inner, f"{path}.{name}" if path else str(name))
    elif value is None or isinstance(value, bool | int | float):
        yield path, value
    else:
        yield path, _digest(json.dumps(value, sort_keys=True, default=str))


def _digest(text: str) -> str:
    return text_digest(text)[:_DIGITS]
