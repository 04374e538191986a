"""Whether the files of registered models exist and load: a look after each run, and the check of `doctor`."""

from pathlib import Path

from mlops_assets.core.errors import MlopsError, TrackingError
from mlops_assets.stores.tracking.locations import OwnArtifacts, missing_model_file
from mlops_assets.workspace.workspace import Workspace


def champion_error(workspace: Workspace, project: str) -> MlopsError | None:
    """Return the error of a champion whose files are missing; None if they exist.

    Only files in the own state directory are looked at, without MLflow, whose import takes seconds. `doctor`
    loads the files of any store and compares their digests.
    """
    own = _own_artifacts(workspace)
    if own is None:
        return None
    own.relocate()
    folder = own.champion_folder(project)
    missing = missing_model_file(folder) if folder else None
    return _missing(project, missing) if missing else None


def check_model_files(workspace: Workspace) -> str:
    """Check that each champion can be loaded, and that the folders of the other versions exist."""
    own = _own_artifacts(workspace)
    if own and not own.database.is_file():
        return "no models yet"
    from mlops_assets.stores.governance.champion_ledger import ChampionLedger
    from mlops_assets.stores.governance.ledger.ledger import Ledger
    from mlops_assets.stores.tracking.model_files import verify_model_files
    from mlops_assets.stores.warehouse.warehouse import Warehouse

    tracking, champions = workspace.tracking, []
    warehouse = Warehouse(workspace.state.warehouse)
    projects = tracking.registry.projects()  # the first request adapts a store that was moved
    for project in projects:
        if error := champion_error(workspace, project):
            raise error
        champion = tracking.registry.champion(project)
        if champion is None:
            continue
        try:
            ledger = Ledger(warehouse, project)
            if ledger.entries():  # the first use of a champion that is older starts the ledger
                champion = ChampionLedger(ledger, tracking.registry).recorded(champion)
            with tracking.translated_errors(), tracking.files(champion.uri) as folder:
                verify_model_files(folder, champion)
        except MlopsError as error:
            raise TrackingError(
                f"the champion of {project} can't be loaded: {error.message}", hint=_way_out(project)
            ) from error
        champions.append(f"{project} version {champion.version}")
    if own:
        _require_versions(workspace, own)
    return f"champions: {', '.join(champions)}" if champions else "no champions yet"


def _require_versions(workspace: Workspace, own: OwnArtifacts) -> None:
    from mlops_assets.stores.governance.ledger.ledger import Ledger
    from mlops_assets.stores.governance.ledger.state import LedgerState
    from mlops_assets.stores.warehouse.warehouse import Warehouse

    warehouse = Warehouse(workspace.state.warehouse)
    for project, version, path in own.missing_versions():
        states = LedgerState.of(Ledger(warehouse, project).entries()).states
        if states.get(version) != "expired":
            raise TrackingError(
                f"{project} version {version}: the folder of its model does not exist: {path}",
                hint=f"restore it from a backup of {own.folder}; without it the version can't be loaded, "
                "reproduced or promoted",
            )


def _own_artifacts(workspace: Workspace) -> OwnArtifacts | None:
    """Return the artifacts in the state directory; None if the definitions name another store."""
    return OwnArtifacts.of(workspace.tracking_uri, workspace.state.artifacts)


def _missing(project: str, file: Path) -> TrackingError:
    return TrackingError(
        f"the champion of {project} can't be loaded: {file} does not exist", hint=_way_out(project)
    )


def _way_out(project: str) -> str:
    return (
        f"restore the files from a backup, or go back to a former champion: mlops rollback {project} "
        f"--reason …; or train again: mlops retire {project} --reason …, then mlops run {project}"
    )
