"""Several fits at a time, each on its share of the threads."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from threadpoolctl import threadpool_limits

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

    from mlops_assets.ml.families.base import Settings

Fitted = TypeVar("Fitted")


def shared_among(fits: int, settings: Settings) -> tuple[int, Settings]:
    """How many of some fits run at a time, and the settings of each with its share of the threads.

    Two fits on one thread each take less time than two fits one by one on two threads, because threads of one
    fit wait for each other at every node of a tree. The models are the same. A GPU fits one at a time.
    """
    workers = 1 if settings.device != "cpu" else max(1, min(fits, settings.threads))
    return workers, replace(settings, threads=max(1, settings.threads // workers))


def in_order(
    fits: Iterable[Callable[[], Fitted]], workers: int, threads: int
) -> Generator[Fitted, None, None]:
    """Run fits ahead of the consumer, and yield their results in order.

    Parameters
    ----------
    fits
        Iterated by the thread of the consumer, so that preparations are not concurrent.
    workers
        Number of fits at a time. A consumer that stops early waits for those that are running.
    threads
        Number of threads of each fit.
    """
    if workers == 1:
        for fit in fits:
            yield fit()
        return
    ahead: deque[Future[Fitted]] = deque()
    with threadpool_limits(threads, "blas"), ThreadPoolExecutor(workers, "fit") as pool:
        try:
            for fit in fits:
                ahead.append(pool.submit(fit))
                if len(ahead) == workers:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            for running in ahead:
                running.cancel()
