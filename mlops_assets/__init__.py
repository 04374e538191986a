"""Declare a tabular model in one folder, and get its governed life cycle as a Dagster asset graph.

Five verbs name the parts: `defs` declares, `components` translates, `ml` computes, `stores` connects; the
command `mlops` is `cli`.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlops_assets.components.model_project.component import ModelProject

__all__ = ["ModelProject"]


def __getattr__(name: str) -> Any:
    """Import the component when it is asked for: a loaded model imports this package, and no Dagster."""
    if name == "ModelProject":
        from mlops_assets.components.model_project.component import ModelProject

        return ModelProject
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """The names that `dg` looks through for components."""
    return __all__
