"""A state directory with versions of the sample of housing prices, and a service of it as processes."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import mlflow

from mlops_assets.ml.model.artifact import load_model, save_model
from mlops_assets.ml.model.manifest import manifest_digest
from mlops_assets.ml.model.tabular_model import TabularModel
from mlops_assets.serving.config import ServingConfig
from mlops_assets.stores.governance.champion_ledger import ChampionLedger
from mlops_assets.stores.governance.ledger.entries import Event
from mlops_assets.stores.governance.ledger.ledger import Ledger
from mlops_assets.stores.serving_status.status import ServingStatus
from mlops_assets.stores.serving_status.status_files import read_statuses
from mlops_assets.stores.system.state_directory import StateDirectory
from mlops_assets.stores.tracking.client import make_current
from mlops_assets.stores.tracking.tracking import TrackingStore
from mlops_assets.stores.tracking.trained_model import TrainedModel
from mlops_assets.stores.warehouse.warehouse import Warehouse
from mlops_assets_tests.support.served_samples import HOUSING, Samples, served_project

_SECONDS = 60.0
DISTRICT = {
    "longitude": -122.23,
    "latitude": 37.88,
    "housing_median_age": 41.0,
    "total_rooms": 880.0,
    "total_bedrooms": 129.0,
    "population": 322.0,
    "households": 126.0,
    "median_income": 8.3252,
    "ocean_proximity": "NEAR BAY",
}


class ServedState:
    """Ledger, registry and artifacts with versions of one small model.

    Parameters
    ----------
    database
        An empty database of MLflow, which is copied.
    """

    def __init__(self, root: Path, samples: Samples, database: Path) -> None:
        state = StateDirectory(root)
        state.mlflow.mkdir(parents=True)
        shutil.copyfile(database, state.mlflow / "mlflow.db")
        uri, artifacts = f"sqlite:///{state.mlflow / 'mlflow.db'}", state.mlflow / "artifacts"
        project = served_project(HOUSING)
        self.config = ServingConfig((project,), str(state.warehouse), uri, str(artifacts), str(root))
        self.tracking, self.root = TrackingStore(uri, artifacts), root
        self.ledger = ChampionLedger(Ledger(Warehouse(state.warehouse), HOUSING), self.tracking.registry)
        self._model = load_model(Path(samples.deployed[HOUSING].folder))

    def add_version(self, change: Callable[[TabularModel], TabularModel] = lambda model: model) -> int:
        """Register the model with another seed, and changed otherwise; return the number of the version."""
        number = len(self.tracking.registry.versions(HOUSING)) + 1
        model = change(replace(self._model, spec=replace(self._model.spec, seed=number)))
        folder = self.root / "models" / str(number)
        digest = save_model(model, folder)
        run_id = self.tracking.start(HOUSING, f"run-{number}")
        make_current(self.tracking.uri)
        with mlflow.start_run(run_id=run_id):
            uri = self.tracking.log_model(folder, model.spec)
        facts = {"model_digest": digest, "model_manifest": manifest_digest(folder)}
        self.tracking.log_facts(run_id, facts={**facts, "model_uri": uri})
        self.tracking.registry.register(HOUSING, TrainedModel(run_id, uri, facts, {}), facts)
        details = {"model_manifest": facts["model_manifest"]}
        self.ledger.record(Event("registered", number, "ada", "a test", digest, details))
        return number

    def promote(self, number: int | None) -> None:
        """Make a version the champion, as a promotion and a rollback do; with None, retire the champion."""
        with self.ledger.lock("a test", print):
            former = self.ledger.recorded_champion()
            events = [] if former is None else [_event("retired", former)]
            if number is not None:
                target = self.ledger.recorded(self.tracking.registry.version(HOUSING, number))
                events.append(_event("promoted", target))
            self.ledger.record(*events)


class RunningService:
    """`mlops serve` with two workers, in processes of its own."""

    def __init__(self, state: ServedState, folder: Path) -> None:
        self._state, self.log = state, folder / "serve.log"
        (folder / "config.json").write_text(state.config.to_text(), "utf-8")
        command = [str(Path(sys.executable).with_name("mlops")), "serve", "--port", "0", "--workers", "2"]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [*command, "--config", str(folder / "config.json")], stdout=log, stderr=subprocess.STDOUT
            )
        wait_until(lambda: "ready at" in self.log.read_text() or self.process.poll() is not None)
        text = self.log.read_text()
        assert "ready at" in text, text
        self.address = text.split("ready at ")[1].split(": ")[0]

    @property
    def status(self) -> ServingStatus:
        """The status that the service has written; the first one is waited for."""
        wait_until(lambda: read_statuses(self._state.root, HOUSING) != [])
        return read_statuses(self._state.root, HOUSING)[0]

    @property
    def workers(self) -> list[int]:
        """Process IDs of the workers."""
        found = subprocess.run(
            ["ps", "-ww", "--ppid", str(self.process.pid), "-o", "pid=,args="], capture_output=True, text=True
        ).stdout
        return [int(line.split()[0]) for line in found.splitlines() if "spawn_main" in line]

    def get(self, path: str) -> tuple[int, str]:
        """Status and text of an answer."""
        return self._answer(urllib.request.Request(f"{self.address}{path}"))

    def predict(self) -> tuple[int, Any]:
        """Status and values of the answer to a request for one prediction."""
        body = json.dumps({"rows": [DISTRICT]}).encode()
        address = f"{self.address}/v1/projects/{HOUSING}/predict"
        headers = {"Content-Type": "application/json"}
        status, text = self._answer(urllib.request.Request(address, body, headers))
        return status, json.loads(text)

    def metric(self, name: str) -> float:
        """The sum of the samples of a metric, by the beginning of their lines."""
        lines = self.get("/metrics")[1].splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith(name))

    def stop(self) -> int:
        """Stop it as a service manager does; return the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(_SECONDS)

    @staticmethod
    def _answer(request: urllib.request.Request) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()


def wait_until(is_true: Callable[[], bool]) -> None:
    """Wait until something holds; the test fails if it takes very long."""
    deadline = time.monotonic() + _SECONDS
    while not is_true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def is_alive(pid: int) -> bool:
    """Whether a process runs."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _event(kind: Any, version: Any) -> Event:
    return Event(kind, version.version, "ada", "a test", version.facts["model_digest"])
