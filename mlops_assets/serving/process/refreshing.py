"""The refreshing of a worker's versions, as a service of its application."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from mlops_assets.serving.engine.engine import Engine

REFRESH_SECONDS = 0.5
"""How often a worker looks for a new deployment."""


@asynccontextmanager
async def refreshing(engine: Engine) -> AsyncIterator[None]:
    """Load the deployed versions, and changes of them while the application runs."""
    await asyncio.to_thread(engine.refresh)
    task = asyncio.create_task(_refresh(engine))
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def _refresh(engine: Engine) -> None:
    while True:
        await asyncio.sleep(REFRESH_SECONDS)
        await asyncio.to_thread(engine.refresh)
