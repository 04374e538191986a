"""The application of a worker process; the supervisor names the run folder in its environment."""

import os
from pathlib import Path

from fastapi import FastAPI

from mlops_assets.serving.config import ServingConfig
from mlops_assets.serving.engine.engine import Engine
from mlops_assets.serving.http.app import create_app
from mlops_assets.serving.process.refreshing import refreshing

RUN_VARIABLE = "MLOPS_SERVING_RUN"
CONFIG_FILE = "config.json"


def create() -> FastAPI:
    """Return the application for the run folder of this process."""
    run = Path(os.environ[RUN_VARIABLE])
    config = ServingConfig.from_text((run / CONFIG_FILE).read_text("utf-8"))
    engine = Engine(config, run)
    return create_app(engine, services=[refreshing(engine)])
