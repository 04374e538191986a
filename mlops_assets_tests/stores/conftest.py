"""Processes for tests of what several may do at once."""

from multiprocessing import get_context
from multiprocessing.context import BaseContext

import pytest


@pytest.fixture(scope="session")
def processes() -> BaseContext:
    """Processes of a server that has imported the stores once: their imports take longer than their work."""
    context = get_context("forkserver")
    context.set_forkserver_preload(["mlops_assets.stores.tracking", "mlops_assets.stores.warehouse"])
    return context
