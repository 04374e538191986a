"""A model in MLflow that was replaced by another valid one, with tags that match it."""

import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from mlops_assets.ml.model.artifact import load_model, save_model
from mlops_assets.ml.model.manifest import manifest_digest
from mlops_assets.stores.tracking.locations import local_path
from mlops_assets.stores.tracking.tracking import TrackingStore


def swap_model(tracking: TrackingStore, project: str, number: int) -> None:
    """Replace the files of a version by those of another model, as a writer of MLflow's stores can."""
    version = tracking.registry.version(project, number)
    location = tracking.client.get_logged_model(version.uri.rsplit("/", 1)[-1]).artifact_location
    [manifest] = Path(local_path(location)).rglob("manifest.json")
    model, folder = load_model(manifest.parent), manifest.parent
    shutil.rmtree(folder)
    digest = save_model(replace(model, spec=replace(model.spec, seed=model.spec.seed + 1)), folder)
    facts = {"model_digest": digest, "model_manifest": manifest_digest(folder)}
    tracking.registry.set_version_tags(project, number, facts)


def move_alias(database: Path, project: str, number: int) -> None:
    """Point the champion alias at a version, in MLflow's database."""
    with closing(sqlite3.connect(database)) as connection, connection:
        changed = connection.execute(
            "update registered_model_aliases set version = ? where name = ? and alias = 'champion'",
            (number, project),
        )
        assert changed.rowcount == 1
