"""A small event project for tests: its files, and purchases with a known pattern."""

import shutil
import sqlite3
import warnings
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd

from mlops_assets.components.model_project.component import ModelProject
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.resources import resources
from mlops_assets.stores.governance.champion_ledger import ChampionLedger
from mlops_assets.stores.governance.ledger.ledger import Ledger
from mlops_assets.stores.project_folder.files import ProjectFiles
from mlops_assets.stores.system.state_directory import StateDirectory
from mlops_assets.stores.tracking.tracking import TrackingStore
from mlops_assets.stores.warehouse.warehouse import Warehouse
from mlops_assets_tests.support.daemon import Daemon, load_instance, save_instance

MONTHS = [f"{month}" for month in pd.period_range("2024-01", "2025-04", freq="M")]
"""The months of the purchases."""

SCHEMA = """
import pandera.pandas as pa


class Purchases(pa.DataFrameModel):
    purchase_id: str
    customer: str
    bought_at: pa.DateTime
    amount: float = pa.Field(gt=0)
    channel: str = pa.Field(isin=["shop", "web"])
"""
FEATURES_SQL = """
select
    customer,
    count(*) filter (bought_at >= $as_of - interval 2 month) as recent,
    date_diff('day', max(bought_at), $as_of) as days_since,
    sum(amount::decimal(18, 2)) as amount,
    arg_max(channel, (bought_at, purchase_id)) as channel
from purchases
group by customer
"""
TARGET_SQL = """
select customer, (buyers.customer is null)::bigint as quiet
from entities
left join (select distinct customer from purchases) as buyers using (customer)
"""
SETTINGS: dict[str, Any] = {
    "description": "Which customers buy nothing next month.",
    "task": "binary",
    "entity": ["customer"],
    "target": {"column": "quiet", "horizon": 1},
    "partitions": {"cadence": "monthly", "start": "2024-01", "end": "2025-04", "lookback": 3},
    "tables": {
        "purchases": {
            "source": "data/purchases/*.csv",
            "time": "bought_at",
            "key": ["purchase_id"],
            "max_rejected_share": 0.1,
        }
    },
    "tuning": {"trials": 1, "folds": 2, "threads": 1, "families": ["linear"]},
    "gates": {"baseline_margin": 10.0},  # the holdout is too small to show that a model is not inferior
    "monitoring": {"reports": []},
}

FILES = "shop_purchases_files"
"""The sensor of the table's files."""
MODEL = tuple(
    f"shop/{name}"
    for name in ("training_set", "tuned_model", "evaluation_report", "registered_model", "champion")
)


def purchases(customers: int = 120, *, seed: int = 0) -> pd.DataFrame:
    """Purchases of customers of whom every second one buys often, and the others rarely.

    Timestamps are in the second half of a month, so that no row is near the edge of a month.
    """
    random = np.random.default_rng(seed)
    bought = []
    for month in MONTHS:
        for number in range(customers):
            if random.random() < (0.95 if number % 2 else 0.1):
                day, hour = random.integers(15, 28), random.integers(0, 24)
                bought.append((f"c{number:03}", f"{month}-{day:02} {hour:02}:00:00"))
    frame = pd.DataFrame(bought, columns=["customer", "bought_at"])
    frame.insert(0, "purchase_id", [f"p{number:05}" for number in range(len(frame))])
    frame["amount"] = random.gamma(2.0, 20.0, len(frame)).round(2) + 1
    frame["channel"] = random.choice(["shop", "web"], len(frame))
    return frame


def of_month(frame: pd.DataFrame, month: str) -> pd.DataFrame:
    """The purchases of a month."""
    return frame[frame["bought_at"].str.startswith(month)].reset_index(drop=True)


class Shop:
    """The project in its own folder, with its stores and a daemon.

    Parameters
    ----------
    root
        Folder of `defs/`, `data/` and `state/`; existing content is kept.
    mlflow
        An empty MLflow database to copy.
    settings
        Settings that replace those in `SETTINGS`; gates are added to those.
    """

    def __init__(
        self,
        root: Path,
        mlflow: Path,
        instance: dg.DagsterInstance,
        *,
        schema: str = SCHEMA,
        features_sql: str = FEATURES_SQL,
        target_sql: str = TARGET_SQL,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.root, self.instance = root, instance
        self.state = self.make_state(root / "state", mlflow)
        self.warehouse = Warehouse(self.state.warehouse)
        self.tracking = TrackingStore(self.state.tracking_uri, self.state.mlflow / "artifacts")
        self.data = root / "data" / "purchases"
        self.data.mkdir(parents=True, exist_ok=True)
        self.purchases = purchases()
        self.declare(schema=schema, features_sql=features_sql, target_sql=target_sql, settings=settings)

    @staticmethod
    def make_state(root: Path, mlflow: Path) -> StateDirectory:
        """The state directory; a missing one is created with an empty MLflow database."""
        state = StateDirectory(root)
        if not state.mlflow.is_dir():
            state.mlflow.mkdir(parents=True)
            shutil.copy(mlflow, state.mlflow / "mlflow.db")
        return state

    def declare(
        self,
        *,
        schema: str = SCHEMA,
        features_sql: str = FEATURES_SQL,
        target_sql: str = TARGET_SQL,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        """Write the project's files and load them; the daemon restarts with its committed cursors."""
        folder = self.root / "defs" / "shop"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "schema.py").write_text(schema, "utf-8")
        (folder / "features.sql").write_text(features_sql, "utf-8")
        (folder / "target.sql").write_text(target_sql, "utf-8")
        changed = dict(settings or {})
        gates = {**SETTINGS["gates"], **changed.pop("gates", {})}
        declared = ModelProject.model_validate({**SETTINGS, **changed, "gates": gates})
        self.project = Project("shop", declared, ProjectFiles("shop", folder), self.root)
        self.stores = resources(self.state)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", dg.BetaWarning)
            warnings.simplefilter("ignore", dg.PreviewWarning)
            defs = dg.Definitions.merge(
                declared.build_defs(SimpleNamespace(path=folder, project_root=self.root)),
                dg.Definitions(resources=self.stores, executor=dg.in_process_executor),
            )
        before = getattr(self, "daemon", None)
        self.daemon = Daemon(defs, self.instance, self.stores)
        if before:
            self.daemon.remember(before)

    def write(self, month: str, frame: pd.DataFrame | None = None, *, name: str | None = None) -> Path:
        """Write the file of a month; without a frame, the purchases of that month."""
        path = self.data / (name or f"purchases-{month}.csv")
        (of_month(self.purchases, month) if frame is None else frame).to_csv(path, index=False)
        return path

    def ingest(self, *months: str) -> dict[str, list[str | None]]:
        """Two ticks of the file sensor, then automation; returns the partitions that automation requested."""
        for _ in range(2):
            asked = self.daemon.look(FILES)
        assert asked == list(months)
        return self.daemon.settle()

    def train(self, cutoff: str) -> dg.ExecuteInProcessResult:
        """Materialize the model assets of a cut-off, from the training set to the champion."""
        return self.daemon.run(*MODEL, partition=cutoff)

    @property
    def champion_ledger(self) -> ChampionLedger:
        """Ledger and registry."""
        return ChampionLedger(Ledger(self.warehouse, "shop"), self.tracking.registry)

    def digests(self, asset: str) -> dict[str, str]:
        """Content digest of each partition of a table; empty if the table does not exist."""
        key = self.path(asset)
        return dict(self.warehouse.partitions(key)) if self.warehouse.exists(key) else {}

    def frame(self, asset: str, partition: str) -> pd.DataFrame:
        return self.warehouse.frame(self.path(asset), partition=partition)

    def version(self, asset: str) -> int:
        return self.warehouse.version(self.path(asset))

    def materializations(self, asset: str) -> Counter[str | None]:
        """Number of materializations of each partition of an asset."""
        found = self.instance.fetch_materializations(dg.AssetKey(self.path(asset)), limit=1000)
        return Counter(record.partition_key for record in found.records)

    def metadata(self, asset: str, partition: str | None = None) -> dict[str, Any]:
        """Metadata of the latest materialization of an asset."""
        chosen = dg.AssetRecordsFilter(
            dg.AssetKey(self.path(asset)), asset_partitions=[partition] if partition else None
        )
        [record] = self.instance.fetch_materializations(chosen, limit=1).records
        metadata = record.asset_materialization.metadata
        return {name: value.value for name, value in metadata.items()}

    @staticmethod
    def path(asset: str) -> list[str]:
        return ["shop", *asset.split("/")]


@dataclass(frozen=True)
class KeptShop:
    """A copy of a shop, from which many tests start, in each process in a folder of its own.

    Attributes
    ----------
    folder
        Its files, the databases of its instance, and what its daemon remembers.
    root
        Where it is restored.
    mlflow
        An empty MLflow database.
    """

    folder: Path
    root: Path
    mlflow: Path

    @staticmethod
    def keep(shop: Shop, folder: Path) -> None:
        """Write a shop to a folder; it is not used afterwards."""
        shutil.copytree(shop.root, folder / "files")
        (folder / "instance").mkdir()
        save_instance(shop.instance, folder / "instance")
        (folder / "daemon").write_text(shop.daemon.to_text(), "utf-8")

    def restored(self, instance: dg.DagsterInstance, **declared: Any) -> Shop:
        """The shop in an empty instance; see `Shop` for what can be declared otherwise.

        It is always in the same folder, because MLflow keeps its connections: its database must stay the
        file that they opened.
        """
        database = StateDirectory(self.root / "state").mlflow / "mlflow.db"
        for path in [path for path in self.root.rglob("*") if path.is_file() and path != database]:
            path.unlink()
        for path in sorted((path for path in self.root.rglob("*") if path.is_dir()), reverse=True):
            if path not in database.parents:
                path.rmdir()
        kept_files = self.folder / "files"
        shutil.copytree(kept_files, self.root, ignore=shutil.ignore_patterns("mlflow.db"), dirs_exist_ok=True)
        with (
            closing(sqlite3.connect(kept_files / database.relative_to(self.root))) as kept,
            closing(sqlite3.connect(database)) as live,
        ):
            kept.backup(live)
        load_instance(self.folder / "instance", instance)
        shop = Shop(self.root, self.mlflow, instance, **declared)
        shop.daemon.remember_text((self.folder / "daemon").read_text("utf-8"))
        return shop
