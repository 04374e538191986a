"""Fits at a time: their order, their share of the threads, and what is not started."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from mlops_assets.ml.families import Settings
from mlops_assets.ml.families.fit_threads import in_order, shared_among


@pytest.mark.parametrize(
    ("fits", "threads", "expected"), [(5, 2, (2, 1)), (5, 16, (5, 3)), (1, 4, (1, 4)), (0, 4, (1, 4))]
)
def test_fits_share_the_threads(fits: int, threads: int, expected: tuple[int, int]):
    workers, settings = shared_among(fits, Settings("regression", 1, 0, threads))
    assert (workers, settings.threads) == expected


def test_a_gpu_fits_one_model_at_a_time():
    settings = Settings("regression", 1, 0, 8, device="cuda")
    assert shared_among(5, settings) == (1, settings)


@pytest.mark.parametrize("workers", [1, 2, 9])
def test_results_are_in_the_order_of_the_fits(workers: int):
    first_waits = threading.Event()

    def fit(place: int) -> int:
        if place == 0 and workers > 1:
            assert first_waits.wait(10)
        if place == 1:
            first_waits.set()
        return place

    assert list(in_order((lambda place=place: fit(place) for place in range(5)), workers, 1)) == list(
        range(5)
    )


def test_a_consumer_that_stops_starts_no_further_fits():
    started: list[int] = []

    def fits() -> Iterator[Callable[[], int]]:
        for place in range(9):
            started.append(place)
            yield lambda place=place: place

    with closing(in_order(fits(), 2, 1)) as results:
        assert next(results) == 0
    assert started == [0, 1]


def test_an_error_of_a_fit_is_raised_in_its_place():
    results = in_order([lambda: 1, lambda: 1 // 0, lambda: 3], 2, 1)
    assert next(results) == 1
    with pytest.raises(ZeroDivisionError):
        next(results)
