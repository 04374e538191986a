"""The retention rule: removal of the files of versions that were rejected before a time.

The ledger is written first, and the files are removed after it. If the process is killed in between, the next
call removes what is left.
"""

import glob
import shutil
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from mlflow.entities import FileInfo
from mlflow.exceptions import MlflowException

from mlops_assets.compat.mlflow import ArtifactRepository, get_artifact_repository
from mlops_assets.stores.governance.champion_ledger import ChampionLedger
from mlops_assets.stores.governance.ledger.entries import RETENTION, Event
from mlops_assets.stores.governance.ledger.state import LedgerState
from mlops_assets.stores.system.disk_errors import translated_disk_errors
from mlops_assets.stores.system.own_files import is_own
from mlops_assets.stores.tracking.client import full_address, make_current, translated_mlflow_errors
from mlops_assets.stores.tracking.locations import OwnArtifacts, local_path
from mlops_assets.stores.tracking.registry import Version
from mlops_assets.stores.tracking.tracking import TrackingStore

STUDY = "study"
"""Tag of a version: the file name of its search's journal."""


@dataclass(frozen=True)
class Expired:
    """The removed files of a rejected version; of a dry run, the files that would be removed.

    Attributes
    ----------
    version
        Number of the version.
    files
        Number of files of its models and its search.
    bytes
        Their total size.
    outside
        Locations that were kept, because they are not in the own state directory.
    """

    version: int
    files: int
    bytes: int
    outside: tuple[str, ...] = ()


def expire(
    champion_ledger: ChampionLedger,
    tracking: TrackingStore,
    studies: Path,
    before: datetime,
    *,
    dry_run: bool,
    dagster_run_id: str = "",
) -> list[Expired]:
    """Remove the models and searches of versions that were rejected before a time.

    The newest version and versions that ever were champion are kept. Files that an interrupted call left are
    removed, too. A location outside the own state directory, such as that of another copy of the project, is
    kept and reported. The caller holds the project's lock.

    Parameters
    ----------
    champion_ledger
        Ledger and registry of the project.
    tracking
        Holds the models.
    studies
        Folder of the project's search journals.
    before
        Versions that were rejected before this time expire.
    dry_run
        Report what would be removed; nothing is changed.
    dagster_run_id
        The Dagster run, for the ledger.

    Returns
    -------
    list of Expired
        One for each version that expired, or whose files were left by an interrupted call.
    """
    review = champion_ledger.review() if dry_run else None
    state = review.state if review else champion_ledger.recover()
    versions = {found.version: found for found in champion_ledger.registry.versions(champion_ledger.project)}
    due = [version for version in state.rejected_before(before) if version != max(versions, default=0)]
    if due and not dry_run:
        state = champion_ledger.record(*(_event(state, version, before, dagster_run_id) for version in due))
    gone = {version for version, status in state.states.items() if status == "expired"} | set(due)
    used = _studies(found for number, found in versions.items() if number not in gone)
    removed = []
    for number in sorted(gone & set(versions)):
        version = versions[number]
        models, outside = _models(tracking, version, dry_run=dry_run)
        journals, foreign = _journals(studies, _studies([version]) - used, dry_run=dry_run)
        sizes = [*models, *journals]
        if sizes or outside or foreign or number in due:
            removed.append(Expired(number, len(sizes), sum(sizes), (*outside, *foreign)))
    return removed


def _event(state: LedgerState, version: int, before: datetime, dagster_run_id: str) -> Event:
    last = state.last[version]
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


def _models(tracking: TrackingStore, version: Version, *, dry_run: bool) -> tuple[list[int], list[str]]:
    """Remove the evaluated and the refitted model of a version.

    Returns
    -------
    The sizes of their files, and the locations outside the state directory, which are kept.
    """
    make_current(tracking.uri)
    sizes: list[int] = []
    outside: list[str] = []
    for uri in {version.uri, version.as_evaluated.uri}:
        with translated_mlflow_errors(tracking.uri):
            try:
                location = tracking.client.get_logged_model(uri.rsplit("/", 1)[-1]).artifact_location
            except MlflowException as error:
                if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                    raise
                continue
            kept = get_artifact_repository(location, tracking_uri=full_address(tracking.uri))
            if not _is_removable(tracking, location):
                outside += [location] if any(_files(kept)) else []
                continue
            sizes += [file.file_size or 0 for file in _files(kept)]
            if sizes and not dry_run:
                kept.delete_artifacts()
    return sizes, outside


def _is_removable(tracking: TrackingStore, location: str) -> bool:
    """Whether the files at a location belong to this project alone, and not to a copy or to the original.

    The locations in an object store belong to a store that is not in the state directory, and so is not
    copied with it.
    """
    path, folder = local_path(location), tracking.artifacts
    if path is None:
        return OwnArtifacts.of(tracking.uri, folder) is None
    return folder is not None and is_own(path, folder, folder.parent.parent)


def _files(kept: ArtifactRepository, folder: str | None = None) -> Iterator[FileInfo]:
    for found in kept.list_artifacts(folder):
        if found.is_dir:
            yield from _files(kept, found.path)
        else:
            yield found


def _journals(studies: Path, names: Collection[str], *, dry_run: bool) -> tuple[list[int], list[str]]:
    """Remove searches: journal, out-of-fold predictions and lock holder.

    The empty lock file stays, because another process may hold it.

    Returns
    -------
    The sizes of the files, and the paths outside the state directory, which are kept.
    """
    sizes: list[int] = []
    outside: list[str] = []
    with translated_disk_errors("the journals of searches", studies):
        for name in names:
            for found in studies.glob(f"{glob.escape(Path(name).stem)}.*"):
                if found.suffix == ".lock":
                    continue
                if not is_own(found, studies, studies.parent.parent):
                    outside.append(str(found))
                    continue
                files = [file for file in found.rglob("*") if file.is_file()] if found.is_dir() else [found]
                sizes.extend(file.stat().st_size for file in files)
                if dry_run:
                    continue
                if found.is_dir():
                    shutil.rmtree(found)
                else:
                    found.unlink(missing_ok=True)
    return sizes, outside
