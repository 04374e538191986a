"""Base class and field types of all groups of settings."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal

import dagster as dg
from pydantic import ConfigDict, StringConstraints
from pydantic_core import PydanticCustomError

from mlops_assets.core.names import IDENTIFIER
from mlops_assets.ml.families import FAMILY_NAMES

Identifier = Annotated[str, StringConstraints(pattern=IDENTIFIER.pattern)]
FamilyName = Literal[FAMILY_NAMES]  # type: ignore[valid-type]  # follows from the registry
Errors = Iterator[tuple[str, str]]
"""Path of an invalid setting, and the problem."""


def invalid_setting(path: str, problem: str) -> PydanticCustomError:
    """The error for a setting that conflicts with others; file and line are looked up by its path."""
    return PydanticCustomError("invalid_setting", "{path} {problem}", {"path": path, "problem": problem})


class Settings(dg.Model, dg.Resolvable):
    """A group of settings; an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


_ADDED = ("quantile", "class_weight")
"""Settings that models record only if they are set, as before the settings existed."""


def public_settings(settings: Any, *, but: Sequence[str] = (), added: Sequence[str] = ()) -> str:
    """Settings as text in a fixed order, for code versions.

    Parameters
    ----------
    but
        Settings that are left out.
    added
        Settings that are left out while they are not set, so that the code versions of projects without them
        are those from before the setting existed.
    """
    given = {name: value for name, value in recorded(settings).items() if value or name not in added}
    return repr(sorted((name, value) for name, value in given.items() if name not in but))


def recorded(settings: Any, *, mode: Literal["json", "python"] = "python") -> dict[str, Any]:
    """Settings as code versions and models record them."""
    values: dict[str, Any] = settings.model_dump(mode=mode)
    return {name: value for name, value in values.items() if name not in _ADDED or value is not None}
