"""Names in metadata and tags of assets and runs that more than one module reads."""

from collections.abc import Mapping
from typing import Any

SOURCE = "source"
"""Asset metadata: the declared source of a raw table."""
ARRIVAL = "arrival"
"""Asset metadata: the column with the timestamp at which rows became known, if one is declared."""
CLOCK = "clock"
FORMATS = "formats"
"""Asset metadata: the time zone of a table's times without an offset, and what becomes of those that occurred
twice, if a zone is declared."""
DIALECT = "csv"
"""Asset metadata: the CSV settings of a table that differ from the defaults."""
SENSITIVE = "sensitive"
"""Asset metadata: the sensitive columns of the project, if there are any."""
PROTECTED_COLUMNS = "protected_columns"
"""Asset metadata of the training set: the columns of protected groups, if there are any."""
FOLDER = "project_folder"
"""Asset metadata: the folder of the project's files."""
TIMELINE = "timeline"
"""Asset metadata: the fields of the project's timeline, as JSON."""
TARGET = "target"
"""Asset metadata: the target column of a static project."""
WEIGHT = "weight"
"""Asset metadata: the column with the weight of the rows of a static project, if declared."""
TARGET_EXPRESSION = "target_expression"
"""Asset metadata: `target.expression` of a static project and the columns in `target.keep`, if declared."""
IDENTITY = "identity"
"""Asset metadata: the columns that identify a row of a table, within a partition if it has partitions."""
ENTITY = "entity"
"""Asset metadata of a training set: the columns that identify an entity, such as a person, if declared."""
SNAPSHOTS = "snapshots"
"""Asset metadata: the tables of which a partition reads the version that had arrived at its end, as JSON."""
NOT_FOLLOWED = "not_followed"
"""Asset metadata: the keys of upstream assets whose change does not make this asset stale."""
OPTIONAL = "optional_inputs"
"""Asset metadata of a report: the keys of upstream assets that may be missing, such as the target of a
partition before its horizon has ended. Once they are there, the report is made again."""
READS_BLOCKED = "reads_blocked"
"""Asset metadata of a report: whether it also reads partitions that failed a blocking check."""

IMPORTANCES = "feature_importances"
"""Materialization metadata of an evaluation: the permutation importance of each feature, as JSON."""
DECLARATION = "declaration"
"""Metadata of an asset, of the project's training set, and of materializations: a record of the files and
settings of the project, from which `mlops plan` finds what has changed."""
FINGERPRINT = "source_fingerprint"
"""Materialization metadata: digest of the source's content that a partition was ingested from."""
INPUTS = "inputs"
"""Materialization metadata: `inputs_digest` of the inputs of a partition."""
TRIALS = "trials"
BACKTEST = "backtest"
"""Materialization metadata: the number of trials that the search was configured with."""

SPLIT = "split"
"""Materialization metadata of an evaluation report: the times of holdout and training in words, if rows are
split over time."""

FILES, BYTES = "freed_files", "freed_bytes"
"""Metadata of the observation after a vacuum: number and size of the files that were removed."""
KEPT = "kept_versions"
"""Metadata of the observation after a vacuum: the number of versions that stay readable."""
EXPIRED = "expired"
"""Metadata of the observation after a vacuum: the rejected version whose model was removed."""
DRY_RUN = "dry_run"
"""Metadata of the observation after a vacuum: whether nothing was removed."""
REPRODUCTION = "reproduction"
"""Metadata of the observation after a reproduction: all comparisons, as JSON."""

PAGE, NUMBERS = "evaluation_report.html", "evaluation_report.json"
"""Artifacts of the MLflow run: the evaluation report as a page and as numbers."""
ENVIRONMENT = "environment"
"""Fact of a training run: Python, packages and platform, as JSON."""
EXPRESSION = "target_expression"
"""Fact of a training run: the expression of the target, if it is not a column."""
FIT = "fit_settings"
"""Fact of a training run: the settings that the model was fitted with, as JSON."""
PIPELINE_DIGEST = "pipeline_digest"
"""Fact of a training run: digest of `pipeline.py`."""
SERVING_PERIODS = "serving_periods"
"""Fact of a training run: the partitions that the refitted model was trained on."""


def declared_list(metadata: Mapping[str, Any], name: str) -> list[str]:
    """A list in the declared metadata of an asset; empty if there is none."""
    found = metadata.get(name)
    return [] if found is None else list(getattr(found, "value", found))
