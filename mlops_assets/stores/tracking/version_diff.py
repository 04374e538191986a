"""What differs between two registered versions: their rows, code, parameters, metrics and environment."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from mlops_assets.core import names
from mlops_assets.core.digests import text_digest
from mlops_assets.core.errors import MlopsError
from mlops_assets.core.text_diff import unified_diff
from mlops_assets.ml.model.runtime_environment import changes
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
"""A value of each version, as text; `absent` where it has none."""


@dataclass(frozen=True)
class VersionDiff:
    """Two versions side by side.

    Attributes
    ----------
    data
        The rows that trained and judged them; None where they can't be compared, as `data_fault` tells.
    tables
        The tables behind the training sets whose versions differ, by their names.
    code
        Files that differ, by their names, as unified diffs.
    code_faults
        Files that can't be compared, and why.
    facts, parameters, environment
        What differs.
    metrics
        All metrics that one of them has.
    """

    project: str
    before: int
    after: int
    same_model: bool
    data: TableDiff | None
    data_fault: str
    tables: dict[str, Sides]
    code: dict[str, str]
    code_faults: dict[str, str]
    facts: dict[str, Sides]
    parameters: dict[str, Sides]
    metrics: dict[str, tuple[float | None, float | None]]
    environment: dict[str, Sides]

    def to_json(self) -> dict[str, Any]:
        """The same as JSON holds it."""
        return asdict(self)


def diff_model_versions(
    warehouse: Warehouse,
    tracking: TrackingStore,
    before: Version,
    after: Version,
    *,
    identity: Sequence[str] = (),
) -> VersionDiff:
    """Compare two versions of one project.

    Parameters
    ----------
    identity
        The columns that tell a row of the training set.

    Raises
    ------
    MlopsError
        When the tracking store can't be read, or the files of a version are not those that were recorded.
    """
    data, fault = _diff_rows(warehouse, before, after, identity)
    code, code_faults = _diff_code(tracking, before, after)
    runs = [_run(tracking, version) for version in (before, after)]
    metrics = dict.fromkeys(name for run in runs for name in sorted(run.metrics) if name.startswith(_METRICS))
    return VersionDiff(
        project=before.name,
        before=before.version,
        after=after.version,
        same_model=before.facts.get("model_digest") == after.facts.get("model_digest"),
        data=data,
        data_fault=fault,
        tables=_changed(_json(before, "inputs"), _json(after, "inputs")),
        code=code,
        code_faults=code_faults,
        facts=_changed(_told(before), _told(after)),
        parameters=_changed(runs[0].params, runs[1].params),
        metrics={name: (runs[0].metrics.get(name), runs[1].metrics.get(name)) for name in metrics},
        environment=_changed(_json(before, "environment"), _json(after, "environment")),
    )


def _diff_rows(
    warehouse: Warehouse, before: Version, after: Version, identity: Sequence[str]
) -> tuple[TableDiff | None, str]:
    table = names.project_asset(before.name, names.TRAINING_SET)
    try:
        sides = [_training_set(warehouse, table, version) for version in (before, after)]
        return diff_contents(warehouse, table, sides[0], sides[1], identity=identity), ""
    except MlopsError as error:  # rows that are gone keep nobody from comparing the rest
        return None, error.message


def _training_set(warehouse: Warehouse, table: Sequence[str], version: Version) -> tuple[int, str | None]:
    """Where the rows of a version are, after they were found to be those."""
    number, cutoff = int(version.facts["training_set_version"]), version.facts.get("cutoff")
    if warehouse.digest(table, partition=cutoff, version=number) != version.facts["training_set_digest"]:
        raise MlopsError(f"the training set of version {version.version} is not what it was trained on")
    return number, cutoff


def _diff_code(
    tracking: TrackingStore, before: Version, after: Version
) -> tuple[dict[str, str], dict[str, str]]:
    sides: list[dict[str, str]] = []
    faults: dict[str, str] = {}
    for version in (before, after):
        texts, found = recorded_code(tracking, version)
        texts[FEATURES_SQL] = _features_sql(tracking, version)
        sides.append(texts)
        faults |= {name: told for name, told in found.items() if name != FEATURES_SQL}
    was, now = (f"version {version.version}" for version in (before, after))
    diffs = {
        name: unified_diff(sides[0].get(name, ""), sides[1].get(name, ""), name=name, was=was, now=now)
        for name in dict.fromkeys((FEATURES_SQL, *sides[0], *sides[1]))
        if name not in faults
    }
    return {name: text for name, text in diffs.items() if text}, faults


def recorded_code(tracking: TrackingStore, version: Version) -> tuple[dict[str, str], dict[str, str]]:
    """The project's files as they were when a version was trained, to be looked at.

    Returns
    -------
    Those whose digests are the recorded ones, by their names, and why others are not told.
    """
    digests = _json(version, names.CODE_DIGESTS)
    if not digests:
        return {}, {"pipeline.py": f"version {version.version} was trained before code was recorded"}
    kept = read_texts(tracking, version.run_id, names.CODE)
    sound = {name: text for name, text in kept.items() if text_digest(name, text) == digests.get(name)}
    told = f"the copy in MLflow run {version.run_id} is gone or was changed"
    return sound, {name: told for name in digests if name not in sound}


def _features_sql(tracking: TrackingStore, version: Version) -> str:
    """The query in the artifact, after all of its files were verified."""
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


def _told(version: Version) -> dict[str, str]:
    """Facts that are no tables, models or runs."""
    wanted = ("cutoff", "code_version", "git_commit", "training_set_version", "training_set_digest")
    return {name: version.facts[name] for name in wanted if name in version.facts}


def _changed(before: Mapping[str, object], after: Mapping[str, object]) -> dict[str, Sides]:
    sides = ({name: str(value) for name, value in side.items()} for side in (before, after))
    return changes(*sides)


def _json(version: Version, fact: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(version.facts.get(fact, "{}"))
    return found
