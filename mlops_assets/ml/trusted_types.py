"""The types and functions that a skops file may name, each by its exact path.

A prefix would not do: a file that may name everything in a package may also name functions that write files.
"""

from collections.abc import Iterable
from importlib.metadata import EntryPoint, entry_points

from mlops_assets.compat.sklearn import FOLDS, MAKE_COLUMN_SELECTOR
from mlops_assets.core.errors import ModelError

ENTRY_POINTS = "mlops_assets.trusted_types"
"""The group of entry points by which an installed package declares its own transformers."""

OWN_TYPES = frozenset(
    {
        "mlops_assets.ml.rare_values.RareValues",
        "mlops_assets.ml.transformers.date_parts.DateParts",
        "mlops_assets.ml.transformers.distance_to_line.DistanceToLine",
        "mlops_assets.ml.transformers.distance_to_points.DistanceToPoints",
        "mlops_assets.ml.transformers.frequency_encoder.FrequencyEncoder",
        "mlops_assets.ml.transformers.neighbour_means.NeighbourMeans",
        "mlops_assets.ml.transformers.neighbour_targets.NeighbourTargets",
        "mlops_assets.ml.transformers.places.PlaceIndex",
        "mlops_assets.ml.transformers.rotated_coordinates.RotatedCoordinates",
        "mlops_assets.ml.transformers.table_encoder.TableEncoder",
        "mlops_assets.ml.transformers.text_encoder.TextEncoder",
    }
)
"""Transformers of this package. Their paths are part of saved models and of digests: never rename or remove
one."""

OTHER_TYPES = frozenset(
    {
        # Selects columns of a frame by type; `object` is the type of text in pandas.
        MAKE_COLUMN_SELECTOR,
        "builtins.object",
        "numpy.dtype",
        # Seeded folds of `TargetEncoder`.
        *FOLDS,
    }
)
"""Types of other packages. skops itself trusts scikit-learn's estimators, and types and universal functions
of NumPy and SciPy, also by exact path."""


def untrusted(names: Iterable[str]) -> list[str]:
    """The names that no list contains, sorted.

    Parameters
    ----------
    names
        Paths of types and functions such as `package.module.Class`, without those that skops trusts.

    Raises
    ------
    ModelError
        If an entry point declares a whole module.
    """
    unknown = set(names) - OWN_TYPES - OTHER_TYPES
    return sorted(unknown - _declared_types()) if unknown else []


def _declared_types() -> set[str]:
    """The types that installed packages declare; their modules are not imported."""
    return {_path(point) for point in entry_points(group=ENTRY_POINTS)}


def _path(point: EntryPoint) -> str:
    if not point.attr:
        package = point.dist.name if point.dist else "an installed package"
        raise ModelError(
            f"{package} declares the whole module {point.value} in the entry points {ENTRY_POINTS}",
            hint=f"declare each class by its exact path: {point.name} = {point.module}:ClassName",
        )
    return f"{point.module}.{point.attr}"
