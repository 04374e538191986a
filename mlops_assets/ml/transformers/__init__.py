"""Transformers for `pipeline.py`, fitted inside each fold.

Each accepts a frame or a matrix, is saved as data by `skops_files.py` and transforms a single row fast. Paths
of modules and classes are part of saved models and never change.
"""

from mlops_assets.ml.transformers.date_parts import DateParts
from mlops_assets.ml.transformers.distance_to_line import DistanceToLine
from mlops_assets.ml.transformers.distance_to_points import DistanceToPoints
from mlops_assets.ml.transformers.frequency_encoder import FrequencyEncoder
from mlops_assets.ml.transformers.neighbour_means import NeighbourMeans
from mlops_assets.ml.transformers.neighbour_targets import NeighbourTargets
from mlops_assets.ml.transformers.rotated_coordinates import RotatedCoordinates
from mlops_assets.ml.transformers.table_encoder import TableEncoder
from mlops_assets.ml.transformers.text_encoder import TextEncoder

__all__ = [
    "DateParts",
    "DistanceToLine",
    "DistanceToPoints",
    "FrequencyEncoder",
    "NeighbourMeans",
    "NeighbourTargets",
    "RotatedCoordinates",
    "TableEncoder",
    "TextEncoder",
]
