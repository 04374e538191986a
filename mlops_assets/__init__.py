"""Declare a tabular model in one folder, and get its governed life cycle as a Dagster asset graph.

Five verbs name the parts: `defs` declares, `components` translates, `ml` computes, `stores` connects; the
command `mlops` is `cli`.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlops_assets.components.model_project.component import ModelProject
    from mlops_assets.components.stores_component import Stores

__all__ = ["ModelProject", "Stores"]


def __getattr__(name: str) -> Any:
    """Import a component on first access: loading a model imports this package, but not Dagster."""
    match name:
        case "ModelProject":
            from mlops_assets.components.model_project.component import ModelProject

            return ModelProject
        case "Stores":
            from mlops_assets.components.stores_component import Stores

            return Stores
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return the names among which `dg` looks for components."""
    return __all__
