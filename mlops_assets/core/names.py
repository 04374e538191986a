"""Every name that more than one place must agree on."""

import re
from collections.abc import Sequence

IDENTIFIER = re.compile(r"^[a-z][a-z0-9_]{0,62}$")
"""What a project and a table may be called: it becomes asset keys, SQL schemas and file names."""

SOURCE_FILE = "_source_file"
SOURCE_SHA256 = "_source_sha256"
SOURCE_ROW = "_row"
PROVENANCE = (SOURCE_FILE, SOURCE_SHA256, SOURCE_ROW)
"""Columns that tell where a row came from; left out of every content digest."""

ROW_ID = "row_id"
"""A row's identity, a BIGINT: features, target and split meet on it."""
BROKEN_RULES = "_broken_rules"
"""In quarantine: every rule that the row broke."""
SPLIT = "_split"
"""In the training set: the side of the split, `train` or `holdout`."""
TRAIN, HOLDOUT = "train", "holdout"
EMBARGO = "embargo"
"""A side of the split in an event project: neither trains the model that is judged nor judges it."""
GROUP = "_group"
"""In the training set: rows with the same group are never torn apart."""
PARTITION = "_partition"
"""In a table that is written by partition: the partition."""
PERIOD = "_period"
"""In the training set of a cut-off: the partition of the features."""
MODEL_VERSION = "model_version"
"""In predictions: the registry version that made them."""

RESERVED = (*PROVENANCE, ROW_ID, BROKEN_RULES, SPLIT, GROUP, PARTITION, PERIOD)
"""What no column of a contract may be called."""

CHAMPION = "champion"
"""The registry alias of the version that serves."""

RAW, VALIDATED, QUARANTINE = TABLE_LAYERS = "raw", "validated", "quarantine"
"""Assets that exist once for each table."""
FEATURES, TARGET, TRAINING_SET = "features", "target", "training_set"
TUNED_MODEL, EVALUATION_REPORT = "tuned_model", "evaluation_report"
REGISTERED_MODEL = "registered_model"
PREDICTIONS = "predictions"
LEDGER = "ledger"
"""A table beside the assets: the events of a project's versions."""
CODE, CODE_DIGESTS = "code", "code_digests"
"""The folder of a run with the project's files as they were, to look at and never to execute, and the fact
that tells their digests."""
CUSTOM_ASSET = "mlops/own_asset"
"""Tag of the assets that a project brings in its `assets.py`."""

INGEST, LABEL, TRAIN_JOB, SCORE, BACKTEST = "ingest", "label", "train", "score", "backtest"
RESTORE, VACUUM, REPRODUCE = "restore", "vacuum", "reproduce"
"""What jobs are for."""
REMINDER = "approval_reminder"
"""What a sensor is for."""


def table_asset(project: str, layer: str, table: str) -> list[str]:
    """Key path of an asset that exists once for each table, such as `[P, raw_orders]`."""
    return [project, f"{layer}_{table}"]


def layer_of(key_path: Sequence[str]) -> str | None:
    """The layer of a table's asset: `raw` for `[P, raw_orders]`; None for any other asset."""
    layer, _, table = key_path[1].partition("_") if len(key_path) == 2 else ("", "", "")
    return layer if table and layer in TABLE_LAYERS else None


def table_of(key_path: Sequence[str]) -> str:
    """The table of an asset that has a layer: `orders` for `[P, raw_orders]`."""
    return key_path[1].partition("_")[2]


def project_asset(project: str, name: str) -> list[str]:
    """Key path of an asset that exists once for each project: `[P, name]`."""
    return [project, name]


def op_name(project: str, *parts: str) -> str:
    """Name of the op behind an asset, as run config spells it."""
    return "__".join((project, *parts))


def job_name(project: str, purpose: str) -> str:
    """Name of the job of a purpose, such as `california_housing_train`."""
    return f"{project}_{purpose}"


def sensor_name(project: str, subject: str) -> str:
    """Name of a sensor, such as `customer_churn_transactions_files`."""
    return f"{project}_{subject}"


def schedule_name(project: str, purpose: str) -> str:
    """Name of a schedule, such as `customer_churn_train_schedule`."""
    return f"{project}_{purpose}_schedule"


def view_name(key_path: Sequence[str]) -> str:
    """SQL name of a table: `P.validated_districts` for `[P, validated_districts]`."""
    return f"{key_path[0]}.{'_'.join(key_path[1:])}"
