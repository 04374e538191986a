"""The application of a worker process; the supervisor names the run folder in its environment."""

import gc
import os
from pathlib import Path

from prometheus_client import CollectorRegistry

from mlops_assets.core.redaction.logs import redact_log_records
from mlops_assets.ml.scoring.compiled.cores import Cores, available_cores
from mlops_assets.serving.canary.challengers import Challengers
from mlops_assets.serving.engine.engine import Engine
from mlops_assets.serving.http.app import create_app
from mlops_assets.serving.http.guards.asgi import App
from mlops_assets.serving.http.guards.chain import guarded
from mlops_assets.serving.http.observer import Observer
from mlops_assets.serving.log.observer import LogObserver
from mlops_assets.serving.log.prediction_log import PredictionLog
from mlops_assets.serving.metrics.definitions import RequestMetrics
from mlops_assets.serving.metrics.exposition import metrics_route
from mlops_assets.serving.metrics.prediction_metrics import PredictionMetrics
from mlops_assets.serving.metrics.request_metrics import MeasuredApp
from mlops_assets.serving.options import ServiceOptions
from mlops_assets.serving.process.loading import loading
from mlops_assets.serving.process.parent_process import end_with_parent
from mlops_assets.serving.process.run_folder import RUN_VARIABLE, RunFolder


def create() -> App:
    """Return the application for the run folder of this process; the configuration is waited for."""
    redact_log_records()
    end_with_parent()
    run = RunFolder(Path(os.environ[RUN_VARIABLE]))
    gc.freeze()  # modules live until the end; a collection that examined them would delay requests
    config = run.wait_for_config()
    options = ServiceOptions.read(run.path)
    cores = Cores(available_cores() // options.workers)
    engine = Engine(config, run.path, cores)
    registry, challengers = CollectorRegistry(), Challengers(config, run.path)
    metrics = RequestMetrics(registry)
    log = PredictionLog(config, run.path)
    observers: list[Observer] = [PredictionMetrics(registry), LogObserver(log)]
    app = create_app(
        engine,
        services=[loading(engine, run), challengers.running(), log.running()],
        observers=observers,
        online=config.online_features(),
        challengers=challengers,
    )
    app.router.routes.append(metrics_route(run.metrics))
    safe = guarded(app, config, options)
    return MeasuredApp(safe, config, metrics, lambda: engine.is_draining)
