"""Errors of definitions that can't be loaded, translated into messages with file, line and setting."""

import re
import reprlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from mlops_assets.compat.dagster import CircularDependencyError, ResolutionException
from mlops_assets.core.errors import MlopsError, ProjectError
from mlops_assets.core.redaction.secret_names import names_secret
from mlops_assets.core.text.suggestions import closest_name, suggest_name
from mlops_assets.workspace.declared_settings import setting_at, setting_with

_HINT = "run `dg check defs` for details, or add --debug for the traceback"
_SETTINGS = re.compile(r"(\w+(?=Model\b)|\w+Settings\b)(?:Model)?")
"""Dagster's name of the YAML form of a group of settings."""
_NO_NUMBER = re.compile(r"Unable to apply constraint '\w+' to supplied value (.+)", re.DOTALL)
"""Pydantic's message for text in a bounded number; it has neither the setting nor its location."""
_NO_GROUP = re.compile(r"'\w+' object has no attribute '\w+'")
"""Dagster's message for a value in place of a group of settings."""
_RESOLVED = re.compile(r"(?P<file>.+):(?P<line>\d+) - attributes\.(?P<path>.+)")
"""Where Dagster resolves settings: the first line of its error."""
_FORM = re.compile(r"attributes|str|constrained-\w+|.*[\[\]].*|")
"""Parts of an error's path that are types and not settings, such as `list[...]`."""


def translate_definition_error(error: BaseException, subject: str, folder: Path) -> MlopsError:
    """Return the `MlopsError` that caused an error, else a translation of the first known cause.

    Parameters
    ----------
    subject
        Name of the definitions, for causes that name no file.
    folder
        Folder of the declarations, which is searched for the file that an error does not name.
    """
    chain = [error]
    while cause := chain[-1].__cause__ or chain[-1].__context__:
        chain.append(cause)
    own = next((cause for cause in chain if isinstance(cause, MlopsError)), None)
    if own:
        return own
    group = _resolved_group(chain)
    for cause in chain:
        match cause:
            case ValidationError():
                return ProjectError("\n".join(_setting_errors(cause, folder, group)), hint=_HINT)
            case AttributeError() if group and _NO_GROUP.fullmatch(str(cause)):
                return ProjectError(f"{group[0]}:{group[1]}: {group[2]} should be an object", hint=_HINT)
            case yaml.MarkedYAMLError(problem_mark=yaml.Mark() as mark):
                location = f"{mark.name}:{mark.line + 1}"
                return ProjectError(f"{location}: {cause.problem}", hint="correct the YAML syntax")
            case CircularDependencyError():
                cycle = " > ".join(key.to_user_string() for key in _cycle(cause.data))
                return ProjectError(
                    f"{subject}: the assets depend on each other in a cycle: {cycle}",
                    hint="change the `source: {asset: …}` of a table to an asset that does not depend on it",
                )
            case TypeError() if found := _NO_NUMBER.fullmatch(str(cause)):
                setting = setting_with(folder, found[1])
                where = f"{setting.location}{setting.path}" if setting else f"{folder}: a setting"
                return ProjectError(f"{where} is {found[1]!r}, which is not a number", hint=_HINT)
    last = chain[-1]
    reason = next(iter(str(last).strip().splitlines()), "")
    named = next(_unreadable(folder), subject)
    return ProjectError(f"{named}: {type(last).__name__}: {reason}", hint=_HINT)


def _cycle(dependencies: Mapping[Any, Collection[Any]]) -> list[Any]:
    """Return one cycle, from an asset through its inputs back to it."""
    walked = [min(dependencies)]
    while walked.count(walked[-1]) == 1:
        walked.append(min(dependencies[walked[-1]]))
    return walked[walked.index(walked[-1]) :]


def _resolved_group(chain: Sequence[BaseException]) -> tuple[str, str, str] | None:
    """Return file, line and path of the innermost group of settings that Dagster was resolving."""
    firsts = (str(one).partition("\n")[0] for one in reversed(chain) if isinstance(one, ResolutionException))
    found = next(filter(None, map(_RESOLVED.fullmatch, firsts)), None)
    return (found["file"], found["line"], found["path"]) if found else None


def _setting_errors(
    error: ValidationError, folder: Path, group: tuple[str, str, str] | None
) -> Iterator[str]:
    """Yield each error with file and line; of a union of types only the error of the intended one."""
    details = [(_path(detail), detail) for detail in error.errors(include_url=False)]
    for path, detail in details:
        if detail["type"] == "string_type" and _is_more_specific(path, details):
            continue  # every setting also accepts a template, which is text
        if not path and isinstance(detail["input"], Mapping):  # settings that contradict each other
            yield f"{_location_of_group(detail, folder)}{_message(detail)}"
            continue
        position = (detail.get("ctx") or {}).get("source_position")
        full, location = path, ""
        if position:
            found = setting_at(Path(position.filename), path)
            location = found.location if found else f"{position.filename}:{position.start.line}: "
        elif path and group:
            full, location = _in_group(group, path, str(detail["input"]))
        elif path:
            found = setting_with(folder, str(detail["input"]), path.rpartition(".")[2])
            location = found.location if found else f"{folder}: "
        yield f"{location}{full} {_describe(full, detail)}"


def _in_group(group: tuple[str, str, str], path: str, value: str) -> tuple[str, str]:
    """Return path and location of a setting, given by its path in a group or in one of a list of groups."""
    file, line, outer = group
    full = f"{outer}.{path}"
    found = setting_at(Path(file), full)
    if found is None or found.path != full:
        found = setting_with(Path(file).parent, value, path.rpartition(".")[2]) or found
    if found is None:
        return full, f"{file}:{line}: "
    return (found.path if found.path.endswith(f".{path}") else full), found.location


def _is_more_specific(path: str, details: Sequence[tuple[str, Any]]) -> bool:
    """Whether there is an error inside of a setting, or another one than that it is not text."""
    return any(
        other.startswith(f"{path}.") or (other == path and detail["type"] != "string_type")
        for other, detail in details
    )


def _location_of_group(detail: Any, folder: Path) -> str:
    """Return file and line of a setting that the error of a group names, if it can be found."""
    message = _message(detail)
    settings = sorted(detail["input"].items(), key=lambda setting: setting[0] not in message)
    found = (setting_with(folder, str(value), name) for name, value in settings)
    return next((setting.location for setting in found if setting), f"{folder}: ")


def _path(detail: Any) -> str:
    """Return the path of a setting as in the YAML file, without the names of types."""
    parts = ".".join(map(str, detail["loc"])).partition(" at ")[0].split(".")
    written = [part for part in parts if not _SETTINGS.fullmatch(part)]
    kept = [part for part in written if not _FORM.fullmatch(part)]
    return ".".join(kept)


def _describe(path: str, detail: Any) -> str:
    match detail["type"]:
        case "extra_forbidden":
            known = _known_settings(detail)
            return f"is not a setting; {suggest_name(path.rpartition('.')[2], known)}"
        case "literal_error" if near := _near_literal(detail):
            return f"is {detail['input']!r}; did you mean {near}?"
        case "missing":
            return "is missing"
        case _:
            message = _message(detail)
            lowered = message if detail["type"] == "value_error" else f"{message[:1].lower()}{message[1:]}"
            return f"{_quoted(path, detail['input'])}: {lowered}"


def _quoted(path: str, value: Any) -> str:
    """A wrong value for an error, unless it may be a secret: an address, a group, or one named so."""
    secret = "://" in str(value) or isinstance(value, Mapping) or names_secret(path.rpartition(".")[2])
    return "is not valid" if secret else f"is {reprlib.repr(value)}"


def _near_literal(detail: Any) -> str | None:
    """Return the permitted value that a misspelled one is close to."""
    permitted = re.findall(r"'([^']+)'", str(detail["ctx"]["expected"]))
    return closest_name(detail["input"], permitted) if isinstance(detail["input"], str) else None


def _message(detail: Any) -> str:
    """Return the validator's message."""
    return str(detail["msg"]).removeprefix("Value error, ")


def _known_settings(detail: Any) -> list[str]:
    """Return the valid names in place of an unknown one."""
    from mlops_assets.components.model_project.component import ModelProject
    from mlops_assets.components.model_project.settings.base import Settings
    from mlops_assets.components.model_project.settings.file_formats import NumberFormatSettings

    known = {group.__name__: group for group in (*_below(Settings), NumberFormatSettings)}
    groups = [name for name in _SETTINGS.findall(str(detail["loc"])) if name in known]
    return sorted((known[groups[-1]] if groups else ModelProject).model_fields)


def _below(group: Any) -> Iterator[Any]:
    """Yield the subclasses of a class, recursively."""
    derived: list[Any] = group.__subclasses__()
    yield from derived
    for each in derived:
        yield from _below(each)


def _unreadable(folder: Path) -> Iterator[str]:
    """Yield the declarations that Dagster rejects without naming them."""
    for path in sorted(folder.glob("**/defs.yaml")):
        try:
            declared = yaml.safe_load(path.read_text("utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError):
            yield str(path)
            continue
        if not isinstance(declared, dict):
            yield f"{path} declares nothing: start it with `type: mlops_assets.ModelProject`"
