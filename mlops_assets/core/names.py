"""Names that several modules share: columns, assets, ops and views."""

import re
from collections.abc import Sequence

IDENTIFIER = re.compile(r"^[a-z][a-z0-9_]{0,62}$")
"""Pattern of the names of projects and tables, which become asset keys, SQL schemas and file names. It is for
`fullmatch`: with `match`, Python's `$` also matches before a final line end."""
RESERVED_SCHEMAS = ("information_schema", "memory", "pg_catalog", "system", "temp")
"""Names of DuckDB's own catalogs and schemas, which no project may have: its tables are views of a schema."""

SOURCE_FILE = "_source_file"
SOURCE_SHA256 = "_source_sha256"
SOURCE_ROW = "_row"
PROVENANCE = (SOURCE_FILE, SOURCE_SHA256, SOURCE_ROW)
"""Columns that identify the source of a row; excluded from every content digest."""

ROW_ID = "row_id"
"""Column with the identity of a row, a BIGINT: features, target and split are joined on it."""
BROKEN_RULES = "_broken_rules"
"""Column of the quarantine table: the rules that the row violates."""
SPLIT = "_split"
"""Column of the training set: the side of the split, `train` or `holdout`."""
TRAIN, HOLDOUT = "train", "holdout"
EMBARGO = "embargo"
"""A third side of a split over time: rows of neither the training nor the holdout set."""
GROUP = "_group"
"""Column of the training set: rows of the same group are on the same side of every split."""
TIME = "_time"
"""Column of the training set: the time of a row, by which a static project is split over time."""
WEIGHT = "_weight"
"""Column of the training set: the weight of the row."""
PROTECTED = "_sensitive"
"""Column of the training set: the protected column of the table, if the project declares `fairness`."""
PARTITION = "_partition"
"""Column of a partitioned table: the partition."""
PERIOD = "_period"
"""Column of a cut-off's training set: the partition of the features."""
MODEL_VERSION = "model_version"
"""Column of predictions: the registered version that computed them."""
IN_TRAINING = "in_training"
"""Column of predictions: whether that version was fitted on the row."""

RESERVED = (*PROVENANCE, ROW_ID, BROKEN_RULES, SPLIT, GROUP, TIME, WEIGHT, PROTECTED, PARTITION, PERIOD)
"""Names of columns that are added to tables."""
COMPUTED = (
    *("_bits", "_broken", "_copy", "_day", "_fitted", "_here"),
    *("_newest", "_number", "_place", "_suspect", "_there", "_times"),
)
"""Names of columns that queries over rows compute, and no table has."""
NOT_DECLARED = (*RESERVED, *COMPUTED)
"""Names that no column of a contract may have: a value in such a column would replace a computed one."""

CHAMPION = "champion"
"""The registry alias of the champion, which is the deployed version."""

RAW, VALIDATED, QUARANTINE = TABLE_LAYERS = "raw", "validated", "quarantine"
"""Layers of a table; each is an asset."""
FEATURES, TARGET, TRAINING_SET = "features", "target", "training_set"
TUNED_MODEL, EVALUATION_REPORT = "tuned_model", "evaluation_report"
REGISTERED_MODEL = "registered_model"
PREDICTIONS = "predictions"
FEATURES_ONLINE = "features_online"
"""The asset that writes the newest features of each entity to the online store."""
DATA_QUALITY, DRIFT_REPORT, PERFORMANCE_REPORT = "data_quality", "drift_report", "performance_report"
"""Assets that monitor the partitions of a project, or the rows of `scoring`."""
RETRAINING, STATUS_PAGE = "retraining", "status_page"
"""The asset that decides whether to train again, and the one with the page about all of a project."""
PREDICTION_LOG, ENDPOINT = "prediction_log", "endpoint"
"""The table of the predictions that the HTTP service gave, and the service itself; Dagster observes both."""
SCORING = "scoring"
"""Table of the rows that a project without partitions predicts."""
LEDGER = "ledger"
"""Table with the events of a project's versions; not an asset."""
CODE, CODE_DIGESTS = "code", "code_digests"
"""Artifact folder of a run with a copy of the project's files, which is compared and never executed, and the
tag with their digests."""
CUSTOM_ASSET = "mlops/custom_asset"
"""Tag of the assets that a project defines in its `assets.py`."""


def table_asset(project: str, layer: str, table: str) -> list[str]:
    """Return the key path of a table's asset, such as `[P, raw_orders]`."""
    return [project, f"{layer}_{table}"]


def layer_of(key_path: Sequence[str]) -> str | None:
    """Return the layer of a table's asset: `raw` for `[P, raw_orders]`; None for other assets."""
    layer, _, table = key_path[1].partition("_") if len(key_path) == 2 else ("", "", "")
    return layer if table and layer in TABLE_LAYERS else None


def table_of(key_path: Sequence[str]) -> str:
    """Return the table of an asset that has a layer: `orders` for `[P, raw_orders]`."""
    return key_path[1].partition("_")[2]


def is_scoring(key_path: Sequence[str]) -> bool:
    """Return whether an asset is a layer of the rows that a project without partitions predicts."""
    return layer_of(key_path) is not None and table_of(key_path) == SCORING


def project_asset(project: str, name: str) -> list[str]:
    """Return the key path of an asset that a project has once: `[P, name]`."""
    return [project, name]


def op_name(project: str, *parts: str) -> str:
    """Return the name of an op in run config, such as `P__raw_orders`."""
    return "__".join((project, *parts))


def view_name(key_path: Sequence[str]) -> str:
    """Return the SQL name of a table: `P.validated_districts` for `[P, validated_districts]`."""
    return f"{key_path[0]}.{'_'.join(key_path[1:])}"
