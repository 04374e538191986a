"""Why definitions can't be loaded, in words that name file, line and setting."""

import difflib
import re
import reprlib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from mlops_assets.compat.dagster import CircularDependencyError
from mlops_assets.core.errors import MlopsError, ProjectError

_HINT = "dg check defs shows more; --debug shows where"
_SETTINGS = re.compile(r"(\w+)Model")
"""What Dagster calls the YAML form of a group of settings."""
_NO_NUMBER = re.compile(r"Unable to apply constraint '\w+' to supplied value (.+)", re.DOTALL)
"""What pydantic says of a bounded number that is a text; it tells neither the setting nor its place."""
_UNKNOWN = "a setting"
_FORM = re.compile(r"attributes|str|constrained-\w+|.*[\[\]].*|")
"""Names of forms in the path of a fault, which nobody wrote, and what is between the dots of `list[...]`."""


def translate_definition_error(error: BaseException, subject: str, folder: Path) -> MlopsError:
    """Our own error if one is behind another, else the first reason that can be put in words.

    Parameters
    ----------
    subject
        What can't be loaded, where the reason does not name its file.
    folder
        Where the declarations lie; a file that no error names is looked for there.
    """
    chain = [error]
    while cause := chain[-1].__cause__ or chain[-1].__context__:
        chain.append(cause)
    own = next((cause for cause in chain if isinstance(cause, MlopsError)), None)
    if own:
        return own
    for cause in chain:
        match cause:
            case ValidationError():
                return ProjectError("\n".join(_setting_faults(cause, folder)), hint=_HINT)
            case yaml.MarkedYAMLError(problem_mark=yaml.Mark() as mark):
                return ProjectError(f"{mark.name}:{mark.line + 1}: {cause.problem}", hint="mend the YAML")
            case CircularDependencyError():
                circle = " > ".join(key.to_user_string() for key in _circle(cause.data))
                return ProjectError(
                    f"{subject}: assets are made of one another: {circle}",
                    hint="a table can't have a `source: {asset: …}` that is made of that table: read another",
                )
            case TypeError() if found := _NO_NUMBER.fullmatch(str(cause)):
                name, place = _written(folder, found[1])
                return ProjectError(f"{place}{name} is {found[1]!r}, which is no number", hint=_HINT)
    last = chain[-1]
    reason = next(iter(str(last).strip().splitlines()), "")
    named = next(_unreadable(folder), subject)
    return ProjectError(f"{named}: {type(last).__name__}: {reason}", hint=_HINT)


def _circle(depend: Mapping[Any, Collection[Any]]) -> list[Any]:
    """One circle of those that depend on one another, from an asset by what it is made of back to it."""
    walked = [min(depend)]
    while walked.count(walked[-1]) == 1:
        walked.append(min(depend[walked[-1]]))
    return walked[walked.index(walked[-1]) :]


def _written(folder: Path, value: str, name: str = r"\w+") -> tuple[str, str]:
    """The setting's name, and file and line, of a value that no error gives a place."""
    line = re.compile(rf"\s*(?:- )?({name}):\s*['\"]?{re.escape(value)}['\"]?\s*(?:#.*)?")
    for path in sorted(folder.glob("**/defs.yaml")):
        for number, text in enumerate(path.read_text("utf-8").splitlines(), 1):
            if match := line.fullmatch(text):
                return match[1], f"{path}:{number}: "
    return _UNKNOWN, f"{folder}: "


def _setting_faults(error: ValidationError, folder: Path) -> Iterator[str]:
    """Each fault with its file and line; of a choice of forms only the one that was meant."""
    faults = [(_path(fault), fault) for fault in error.errors(include_url=False)]
    others = [path for path, fault in faults if fault["type"] != "string_type"]
    for path, fault in faults:
        meant = not (fault["type"] == "string_type" and any(other.startswith(path) for other in others))
        if not meant:  # every setting may also be a template, which is a text
            continue
        position = (fault.get("ctx") or {}).get("source_position")
        place = f"{position.filename}:{position.start.line}: " if position else ""
        if not position and path:
            _, place = _written(folder, str(fault["input"]), path.rpartition(".")[2])
        if not path and isinstance(fault["input"], Mapping):  # settings that don't go together
            yield f"{_place_of(fault, folder)}{_message(fault)}"
            continue
        yield f"{place}{path} {_words(path, fault)}"


def _place_of(fault: Any, folder: Path) -> str:
    """File and line of a group of settings: of one that the fault's words name, if it can be found."""
    message = _message(fault)
    settings = sorted(fault["input"].items(), key=lambda setting: setting[0] not in message)
    found = (_written(folder, str(value), name) for name, value in settings)
    return next((place for name, place in found if name != _UNKNOWN), f"{folder}: ")


def _path(fault: Any) -> str:
    """The setting's path as it is written: without the names of the forms that it may have."""
    parts = ".".join(map(str, fault["loc"])).partition(" at ")[0].split(".")
    written = [part for part in parts if not _SETTINGS.fullmatch(part)]
    kept = [part for part in written if not _FORM.fullmatch(part)]
    return ".".join(kept)


def _words(path: str, fault: Any) -> str:
    match fault["type"]:
        case "extra_forbidden":
            known = _known_settings(fault)
            near = difflib.get_close_matches(path.rpartition(".")[2], known, n=1)
            return "is no setting" + (
                f"; did you mean {near[0]}?" if near else f"; there are {', '.join(known)}"
            )
        case "missing":
            return "is missing"
        case _:
            message = _message(fault)
            lowered = message if fault["type"] == "value_error" else f"{message[:1].lower()}{message[1:]}"
            return f"is {reprlib.repr(fault['input'])}: {lowered}"


def _message(fault: Any) -> str:
    """What is wrong, in the words of who found it."""
    return str(fault["msg"]).removeprefix("Value error, ")


def _known_settings(fault: Any) -> list[str]:
    """The names that could stand where the unknown one stands."""
    from mlops_assets.components.model_project.component import ModelProject
    from mlops_assets.components.model_project.settings.base import Settings

    known = {group.__name__: group for group in _below(Settings)}
    groups = [name for name in _SETTINGS.findall(str(fault["loc"])) if name in known]
    return sorted((known[groups[-1]] if groups else ModelProject).model_fields)


def _below(group: Any) -> Iterator[Any]:
    """The classes derived from one, and those derived from them."""
    derived: list[Any] = group.__subclasses__()
    yield from derived
    for each in derived:
        yield from _below(each)


def _unreadable(folder: Path) -> Iterator[str]:
    """Declarations that Dagster fails on without naming them."""
    for path in sorted(folder.glob("**/defs.yaml")):
        try:
            declared = yaml.safe_load(path.read_text("utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError):
            yield str(path)
            continue
        if not isinstance(declared, dict):
            yield f"{path} declares nothing: it starts with `type: mlops_assets.ModelProject`"
