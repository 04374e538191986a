"""The application of a worker process; the supervisor names the run folder in its environment."""

import os
from pathlib import Path

from mlops_assets.core.redaction.logs import redact_log_records
from mlops_assets.serving.config import ServingConfig
from mlops_assets.serving.engine.engine import Engine
from mlops_assets.serving.http.app import create_app
from mlops_assets.serving.http.guards.asgi import App
from mlops_assets.serving.http.guards.chain import guarded
from mlops_assets.serving.options import ServiceOptions
from mlops_assets.serving.process.refreshing import refreshing

RUN_VARIABLE = "MLOPS_SERVING_RUN"
CONFIG_FILE = "config.json"


def create() -> App:
    """Return the application for the run folder of this process."""
    redact_log_records()
    run = Path(os.environ[RUN_VARIABLE])
    config = ServingConfig.from_text((run / CONFIG_FILE).read_text("utf-8"))
    engine = Engine(config, run)
    app = create_app(engine, services=[refreshing(engine)])
    return guarded(app, config, ServiceOptions.read(run))
