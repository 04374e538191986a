"""The files of versions that were rejected long ago: what is still there, and its removal.

The ledger tells it first, then the files are removed: who is killed in between goes on the next time.
"""

import shutil
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from mlflow.entities import FileInfo
from mlflow.exceptions import MlflowException

from mlops_assets.compat.mlflow import ArtifactRepository, get_artifact_repository
from mlops_assets.stores.governance.champion_ledger import Governance
from mlops_assets.stores.governance.ledger import RETENTION, Event
from mlops_assets.stores.governance.ledger_state import Standing
from mlops_assets.stores.system.disk_errors import translated_disk_errors
from mlops_assets.stores.tracking.client import full_address, make_current, translated_mlflow_errors
from mlops_assets.stores.tracking.registry import Version
from mlops_assets.stores.tracking.tracking import TrackingStore

STUDY = "study"
"""A fact of a version: the name of its search's journal."""


@dataclass(frozen=True)
class Expired:
    """What was removed of a rejected version, or would be.

    Attributes
    ----------
    files, bytes
        Of its models and its search.
    """

    version: int
    files: int
    bytes: int


def expire(
    governance: Governance,
    tracking: TrackingStore,
    studies: Path,
    before: datetime,
    *,
    dry_run: bool,
    dagster_run_id: str = "",
) -> list[Expired]:
    """Remove the models and searches of versions that were rejected before a moment; call it within a turn.

    A version that ever served stays, and so does the newest one. What an earlier call left is removed, too.

    Parameters
    ----------
    studies
        The folder of the project's journals.
    """
    review = governance.review() if dry_run else None
    standing = review.standing if review else governance.repaired()
    versions = {found.version: found for found in governance.registry.versions(governance.project)}
    due = [version for version in standing.rejected_before(before) if version != max(versions, default=0)]
    if due and not dry_run:
        standing = governance.record(*(_event(standing, version, before, dagster_run_id) for version in due))
    gone = {version for version, state in standing.states.items() if state == "expired"} | set(due)
    used = _studies(found for number, found in versions.items() if number not in gone)
    removed = []
    for number in sorted(gone & set(versions)):
        version = versions[number]
        sizes = [
            *_models(tracking, version, dry_run=dry_run),
            *_journals(studies, _studies([version]) - used, dry_run=dry_run),
        ]
        if sizes or number in due:
            removed.append(Expired(number, len(sizes), sum(sizes)))
    return removed


def _event(standing: Standing, version: int, before: datetime, dagster_run_id: str) -> Event:
    last = standing.last[version]
    return replace(
        last.event,
        kind="expired",
        actor=RETENTION,
        reason=f"rejected on {last.at:%Y-%m-%d}, before {before:%Y-%m-%d}; its models and its search were "
        "removed",
        details={},
        dagster_run_id=dagster_run_id,
    )


def _studies(versions: Iterable[Version]) -> set[str]:
    return {version.facts[STUDY] for version in versions if STUDY in version.facts}


def _models(tracking: TrackingStore, version: Version, *, dry_run: bool) -> list[int]:
    """The sizes of the files of the model that was judged and of the one that would serve, once gone."""
    make_current(tracking.uri)
    sizes: list[int] = []
    for uri in {version.uri, version.as_judged.uri}:
        with translated_mlflow_errors(tracking.uri):
            try:
                location = tracking.client.get_logged_model(uri.rsplit("/", 1)[-1]).artifact_location
            except MlflowException as error:
                if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                    raise
                continue
            kept = get_artifact_repository(location, tracking_uri=full_address(tracking.uri))
            sizes += [file.file_size or 0 for file in _files(kept)]
            if sizes and not dry_run:
                kept.delete_artifacts()
    return sizes


def _files(kept: ArtifactRepository, folder: str | None = None) -> Iterator[FileInfo]:
    for found in kept.list_artifacts(folder):
        if found.is_dir:
            yield from _files(kept, found.path)
        else:
            yield found


def _journals(studies: Path, names: Collection[str], *, dry_run: bool) -> list[int]:
    """The same of searches: the journal, its out-of-fold predictions, and who held it. Its lock stays, empty,
    for who may hold it.
    """
    sizes: list[int] = []
    with translated_disk_errors("the journals of searches", studies):
        for name in names:
            for found in studies.glob(f"{Path(name).stem}.*"):
                if found.suffix == ".lock":
                    continue
                files = [file for file in found.rglob("*") if file.is_file()] if found.is_dir() else [found]
                sizes.extend(file.stat().st_size for file in files)
                if dry_run:
                    continue
                if found.is_dir():
                    shutil.rmtree(found)
                else:
                    found.unlink(missing_ok=True)
    return sizes
