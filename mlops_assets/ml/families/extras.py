"""Families of libraries that are not installed by default."""

from collections.abc import Iterable
from importlib import import_module
from importlib.util import find_spec

from mlops_assets.core.errors import ModelError

EXTRA_FAMILIES = ("lightgbm", "catboost")
"""Families whose library is an extra of the same name. Their models are loaded without it."""


def installed_extras() -> list[str]:
    """The families of `EXTRA_FAMILIES` whose library is installed; no library is imported."""
    return [name for name in EXTRA_FAMILIES if find_spec(name) is not None]


def require_extras(families: Iterable[str]) -> None:
    """Raise an error if the library of one of the families is not installed, or can't be imported.

    Raises
    ------
    ModelError
        When it is missing, with the extra that installs it, or when a library of the system is missing.
    """
    installed, wanted = installed_extras(), [name for name in families if name in EXTRA_FAMILIES]
    missing = [name for name in wanted if name not in installed]
    if missing:
        raise ModelError(
            f"tuning.families lists {' and '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} "
            "not installed",
            hint=f"pip install 'mlops-assets[{','.join(missing)}]', or remove it from tuning.families",
        )
    for name in wanted:
        try:
            import_module(name)
        except (ImportError, OSError) as error:
            raise ModelError(
                f"tuning.families lists {name}, which can't be imported: {error}",
                hint="install the missing library of the system, such as `apt-get install libgomp1`",
            ) from error
