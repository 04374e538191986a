"""Further versions of a trained project, moves of its champion, and a request for predictions of its rows."""

import json
import tempfile
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from mlops_assets.serving.config import ServingConfig


class Champions:
    """Moves of the champion, with ledger and registry, as `mlops rollback` makes them."""

    def __init__(self, config: ServingConfig, project: str) -> None:
        from mlops_assets.stores.governance.champion_ledger import ChampionLedger
        from mlops_assets.stores.governance.ledger.ledger import Ledger
        from mlops_assets.stores.tracking.tracking import TrackingStore
        from mlops_assets.stores.warehouse.warehouse import Warehouse

        self._project = project
        self._tracking = TrackingStore(
            config.tracking_uri, Path(config.artifacts) if config.artifacts else None
        )
        self._ledger = ChampionLedger(Ledger(Warehouse(config.warehouse), project), self._tracking.registry)

    def add_version(self) -> None:
        """Register the model of version 1 with another seed as the next version."""
        import mlflow

        from mlops_assets.ml.model.artifact import load_model, save_model
        from mlops_assets.ml.model.manifest import manifest_digest
        from mlops_assets.stores.governance.ledger.entries import Event
        from mlops_assets.stores.tracking.trained_model import TrainedModel

        registry = self._tracking.registry
        first = registry.version(self._project, 1)
        with tempfile.TemporaryDirectory() as folder, self._tracking.files(first.uri) as files:
            model = load_model(files)
            model = replace(model, spec=replace(model.spec, seed=model.spec.seed + 1))
            digest = save_model(model, Path(folder) / "model")
            run_id = self._tracking.start(self._project, "another-seed")
            with mlflow.start_run(run_id=run_id):
                uri = self._tracking.log_model(Path(folder) / "model", model.spec)
            facts = {"model_digest": digest, "model_manifest": manifest_digest(Path(folder) / "model")}
            self._tracking.log_facts(run_id, facts={**facts, "model_uri": uri})
        with self._ledger.lock("benchmark", print):
            version = registry.register(self._project, TrainedModel(run_id, uri, facts, {}), facts)
            details = {"model_manifest": facts["model_manifest"]}
            self._ledger.record(
                Event("registered", version.version, "benchmark", "another seed", digest, details)
            )

    def promote(self, version: int) -> None:
        """Make a version the champion."""
        from mlops_assets.stores.governance.ledger.entries import Event

        with self._ledger.lock("benchmark", print):
            self._ledger.recover()
            former = self._ledger.recorded_champion()
            target = self._ledger.recorded(self._ledger.registry.version(self._project, version))
            digest = target.facts["model_digest"]
            retired = []
            if former is not None:
                reason = f"replaced by version {version}"
                retired = [
                    Event("retired", former.version, "benchmark", reason, former.facts["model_digest"])
                ]
            self._ledger.record(*retired, Event("promoted", version, "benchmark", "benchmark", digest))


def request_body(config: ServingConfig, project: str, rows: int) -> bytes:
    """A request with rows of the newest training set, without the target."""
    from deltalake import DeltaTable

    from mlops_assets.core import names

    table = config.project(project).table
    asset = f"{names.VALIDATED}_{table.name}" if table else names.FEATURES
    found = DeltaTable(str(Path(config.warehouse, project, asset))).to_pyarrow_table().slice(0, rows)
    kept = [name for name in found.column_names if not name.startswith("_")]
    plain = [
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
        for kind in found.select(kept).schema.types
    ]
    values = [
        {
            name: value if is_plain else None if value is None else str(value)
            for (name, value), is_plain in zip(row.items(), plain, strict=True)
        }
        for row in found.select(kept).to_pylist()
    ]
    return json.dumps({"rows": values}).encode()
