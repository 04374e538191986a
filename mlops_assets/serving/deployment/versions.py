"""Versions of the registry as local folders, after ledger, registry and files were found to agree."""

import shutil
from collections.abc import Callable
from functools import cached_property
from itertools import count
from pathlib import Path

from mlops_assets.core.errors import TrackingError
from mlops_assets.serving.config import ServingConfig
from mlops_assets.serving.deployment.model_facts import write_facts
from mlops_assets.serving.deployment.state import DeployedVersion
from mlops_assets.stores.governance.champion_ledger import ChampionLedger
from mlops_assets.stores.governance.ledger.ledger import Ledger
from mlops_assets.stores.system.disk_errors import translated_disk_errors
from mlops_assets.stores.tracking.model_files import verify_model_files
from mlops_assets.stores.tracking.registry import RecordedVersion
from mlops_assets.stores.tracking.tracking import TrackingStore
from mlops_assets.stores.warehouse.warehouse import Warehouse

_HOLDER = "mlops serve"


class VersionFolders:
    """Local folders of versions, which workers load; each fetch makes a folder of its own.

    Parameters
    ----------
    run
        The run folder of the service. Services share no folder, so none disturbs another.
    on_wait
        Called with a message that names the holder of a lock that is waited for.
    """

    def __init__(self, config: ServingConfig, run: Path, on_wait: Callable[[str], None]) -> None:
        self._config, self._on_wait = config, on_wait
        self._folder, self._numbers = run / "models", count(1)

    @cached_property
    def tracking(self) -> TrackingStore:
        """The tracking store."""
        artifacts = self._config.artifacts
        return TrackingStore(self._config.tracking_uri, Path(artifacts) if artifacts else None)

    def ledger(self, project: str) -> ChampionLedger:
        """Ledger and registry of a project."""
        warehouse = Warehouse(self._config.warehouse)
        return ChampionLedger(Ledger(warehouse, project), self.tracking.registry)

    def recorded_champion(self, project: str) -> RecordedVersion | None:
        """Return the champion, after ledger and registry were found to agree; None if there is none.

        Raises
        ------
        TrackingError
            When the registry can't be read.
        StoreError
            When ledger and registry disagree.
        """
        return self.ledger(project).verified_champion(_HOLDER, self._on_wait)

    def champion(self, project: str) -> DeployedVersion:
        """Return the champion in a local folder.

        Raises
        ------
        TrackingError
            As `recorded_champion`; when there is none, or its files differ from those that were registered.
        StoreError
            As `recorded_champion`.
        """
        champion = self.recorded_champion(project)
        if champion is None:
            raise TrackingError(f"{project} has no champion to serve", hint=f"train one: mlops run {project}")
        return self.fetch(champion)

    def describe(self, deployed: DeployedVersion, version: RecordedVersion) -> None:
        """Write the facts about a deployed version again."""
        write_facts(Path(deployed.folder), version, self.tracking)

    def fetch(self, version: RecordedVersion) -> DeployedVersion:
        """Copy a version into a local folder, and verify the copy.

        Raises
        ------
        ModelError, TrackingError
            When the files differ from those that were registered.
        """
        folder = self._folder / version.name / f"{version.version}-{next(self._numbers)}"
        try:
            with (
                translated_disk_errors(f"a copy of {version.subject}", self._folder),
                self.tracking.files(version.uri) as files,
            ):
                shutil.copytree(files, folder)
            verify_model_files(folder, version)
            write_facts(folder, version, self.tracking)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return DeployedVersion(version.version, version.facts["model_digest"], str(folder))
