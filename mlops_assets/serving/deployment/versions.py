"""Versions of the registry as local folders, after ledger, registry and files were found to agree."""

import shutil
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from tempfile import mkdtemp

from mlops_assets.core.errors import TrackingError
from mlops_assets.serving.config import ServingConfig
from mlops_assets.serving.deployment.state import DeployedVersion
from mlops_assets.stores.governance.champion_ledger import ChampionLedger
from mlops_assets.stores.governance.ledger import Ledger
from mlops_assets.stores.tracking.model_files import verify_model_files
from mlops_assets.stores.tracking.registry import RecordedVersion
from mlops_assets.stores.tracking.tracking import TrackingStore
from mlops_assets.stores.warehouse.warehouse import Warehouse

_HOLDER = "mlops serve"


class VersionFolders:
    """Local folders of versions, which workers load.

    Parameters
    ----------
    on_wait
        Called with a message that names the holder of a lock that is waited for.
    """

    def __init__(self, config: ServingConfig, on_wait: Callable[[str], None]) -> None:
        self._config, self._on_wait = config, on_wait
        self._folder = config.serving_folder / "models"

    @cached_property
    def tracking(self) -> TrackingStore:
        """The tracking store."""
        artifacts = self._config.artifacts
        return TrackingStore(self._config.tracking_uri, Path(artifacts) if artifacts else None)

    def ledger(self, project: str) -> ChampionLedger:
        """Ledger and registry of a project."""
        warehouse = Warehouse(self._config.warehouse)
        return ChampionLedger(Ledger(warehouse, project), self.tracking.registry)

    def champion(self, project: str) -> DeployedVersion:
        """Return the champion in a local folder.

        Raises
        ------
        TrackingError
            When there is none, or its files differ from those that were registered.
        StoreError
            When ledger and registry disagree.
        """
        champion = self.ledger(project).verified_champion(_HOLDER, self._on_wait)
        if champion is None:
            raise TrackingError(f"{project} has no champion to serve", hint=f"train one: mlops run {project}")
        return self.fetch(champion)

    def fetch(self, version: RecordedVersion) -> DeployedVersion:
        """Return a version in a local folder; it is copied and verified if it is not there yet."""
        digest = version.facts["model_digest"]
        folder = self._folder / version.name / f"{version.version}-{digest[:12]}"
        if not folder.exists():
            self._copy(version, folder)
        verify_model_files(folder, version)
        return DeployedVersion(version.version, digest, str(folder))

    def _copy(self, version: RecordedVersion, folder: Path) -> None:
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(mkdtemp(prefix=".", dir=folder.parent))
        try:
            with self.tracking.files(version.uri) as files:
                verify_model_files(files, version)
                shutil.copytree(files, partial / "model")
            if not folder.exists():  # another supervisor may have been first
                (partial / "model").rename(folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
