"""The differences of two registered versions: rows, code, parameters, metrics and environment."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from mlops_assets.core import names
from mlops_assets.core.digests import text_digest
from mlops_assets.core.errors import MlopsError
from mlops_assets.core.text.text_diff import unified_diff
from mlops_assets.ml.model.runtime_environment import environment_changes
from mlops_assets.stores.tracking.client import translated_mlflow_errors
from mlops_assets.stores.tracking.model_files import verify_model_files
from mlops_assets.stores.tracking.registry import Version
from mlops_assets.stores.tracking.run_artifacts import read_texts
from mlops_assets.stores.tracking.tracking import TrackingStore
from mlops_assets.stores.warehouse.table_diff import TableDiff, diff_contents
from mlops_assets.stores.warehouse.warehouse import Warehouse

FEATURES_SQL = "features.sql"
_METRICS = ("test_", "cv_", "baseline_", "interval_")

Sides = tuple[str, str]
"""The value of each version, as text; `absent` if it has none."""


@dataclass(frozen=True)
class VersionDiff:
    """The differences of two versions.

    Attributes
    ----------
    data
        The difference of their training sets; None if they can't be compared, with the reason in
        `data_error`.
    tables
        Input tables of the training sets whose versions differ, by name.
    code
        Unified diffs of the files that differ, by name.
    code_errors
        Files that can't be compared, and the reasons.
    facts, parameters, environment
        Entries that differ.
    metrics
        All metrics of both versions.
    """

    project: str
    before: int
    after: int
    same_model: bool
    data: TableDiff | None
    data_error: str
    tables: dict[str, Sides]
    code: dict[str, str]
    code_errors: dict[str, str]
    facts: dict[str, Sides]
    parameters: dict[str, Sides]
    metrics: dict[str, tuple[float | None, float | None]]
    environment: dict[str, Sides]

    def to_json(self) -> dict[str, Any]:
        """Return the differences as an object that JSON can encode."""
        return asdict(self)


def diff_model_versions(
    warehouse: Warehouse,
    tracking: TrackingStore,
    before: Version,
    after: Version,
    *,
    identity: Sequence[str] = (),
    sensitive: Collection[str] = (),
) -> VersionDiff:
    """Compare two versions of one project.

    Parameters
    ----------
    identity
        Columns that identify a row of the training set.
    sensitive
        Columns whose values the result does not quote.

    Raises
    ------
    MlopsError
        When the tracking store can't be read, or the files of a version were changed.
    """
    data, data_error = _diff_rows(warehouse, before, after, identity, sensitive)
    code, code_errors = _diff_code(tracking, before, after)
    runs = [_run(tracking, version) for version in (before, after)]
    metrics = dict.fromkeys(name for run in runs for name in sorted(run.metrics) if name.startswith(_METRICS))
    return VersionDiff(
        project=before.name,
        before=before.version,
        after=after.version,
        same_model=before.facts.get("model_digest") == after.facts.get("model_digest"),
        data=data,
        data_error=data_error,
        tables=_changed(_json(before, "inputs"), _json(after, "inputs")),
        code=code,
        code_errors=code_errors,
        facts=_changed(_shown_facts(before), _shown_facts(after)),
        parameters=_changed(runs[0].params, runs[1].params),
        metrics={name: (runs[0].metrics.get(name), runs[1].metrics.get(name)) for name in metrics},
        environment=_changed(_json(before, "environment"), _json(after, "environment")),
    )


def _diff_rows(
    warehouse: Warehouse,
    before: Version,
    after: Version,
    identity: Sequence[str],
    sensitive: Collection[str],
) -> tuple[TableDiff | None, str]:
    table = names.project_asset(before.name, names.TRAINING_SET)
    try:
        sides = [_training_set(warehouse, table, version) for version in (before, after)]
        found = diff_contents(warehouse, table, sides[0], sides[1], identity=identity, sensitive=sensitive)
        return found, ""
    except MlopsError as error:  # without the rows, the rest is still compared
        return None, error.message


def _training_set(warehouse: Warehouse, table: Sequence[str], version: Version) -> tuple[int, str | None]:
    """Return table version and partition of a version's training set, after its digest was verified."""
    number, cutoff = int(version.facts["training_set_version"]), version.facts.get("cutoff")
    if not warehouse.has_content(
        table, version.facts["training_set_digest"], version=number, partition=cutoff
    ):
        raise MlopsError(
            f"the training set of version {version.version} is not the one that it was trained on"
        )
    return number, cutoff


def _diff_code(
    tracking: TrackingStore, before: Version, after: Version
) -> tuple[dict[str, str], dict[str, str]]:
    sides: list[dict[str, str]] = []
    errors: dict[str, str] = {}
    for version in (before, after):
        texts, unverified = recorded_code(tracking, version)
        texts[FEATURES_SQL] = _features_sql(tracking, version)
        sides.append(texts)
        errors |= {name: reason for name, reason in unverified.items() if name != FEATURES_SQL}
    was, now = (f"version {version.version}" for version in (before, after))
    diffs = {
        name: unified_diff(sides[0].get(name, ""), sides[1].get(name, ""), name=name, was=was, now=now)
        for name in dict.fromkeys((FEATURES_SQL, *sides[0], *sides[1]))
        if name not in errors
    }
    return {name: text for name, text in diffs.items() if text}, errors


def recorded_code(tracking: TrackingStore, version: Version) -> tuple[dict[str, str], dict[str, str]]:
    """Return the project's files at the time when a version was trained, for display only.

    Returns
    -------
    The files with the recorded digests, by name, and the reasons why others are missing.
    """
    digests = _json(version, names.CODE_DIGESTS)
    if not digests:
        return {}, {"pipeline.py": f"version {version.version} was trained before code was recorded"}
    kept = read_texts(tracking, version.run_id, names.CODE)
    verified = {name: text for name, text in kept.items() if text_digest(name, text) == digests.get(name)}
    reason = f"the copy in MLflow run {version.run_id} is missing or was changed"
    return verified, {name: reason for name in digests if name not in verified}


def _features_sql(tracking: TrackingStore, version: Version) -> str:
    """Return the query in the artifact, after all of its files were verified."""
    with tracking.files(version.uri) as folder:
        verify_model_files(folder, version)
        return (folder / FEATURES_SQL).read_text("utf-8")


@dataclass(frozen=True)
class _Logged:
    params: dict[str, str]
    metrics: dict[str, float]


def _run(tracking: TrackingStore, version: Version) -> _Logged:
    with translated_mlflow_errors(tracking.uri):
        data = tracking.client.get_run(version.run_id).data
    return _Logged(dict(data.params), dict(data.metrics))


def _shown_facts(version: Version) -> dict[str, str]:
    """Return the facts to compare that are not tables, models or runs."""
    wanted = ("cutoff", "code_version", "git_commit", "training_set_version", "training_set_digest")
    return {name: version.facts[name] for name in wanted if name in version.facts}


def _changed(before: Mapping[str, object], after: Mapping[str, object]) -> dict[str, Sides]:
    sides = ({name: str(value) for name, value in side.items()} for side in (before, after))
    return environment_changes(*sides)


def _json(version: Version, fact: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(version.facts.get(fact, "{}"))
    return found
