"""Searches for garbage during the start of a command."""

import gc

import pytest

from mlops_assets.core.garbage import postpone_garbage_collection, without_garbage_collection


@pytest.fixture(autouse=True)
def thresholds():
    before, callbacks = gc.get_threshold(), list(gc.callbacks)
    yield before
    gc.set_threshold(*before)
    gc.callbacks[:] = callbacks


def test_the_first_search_is_postponed_and_then_they_are_as_frequent_as_before(thresholds):
    searches = []
    gc.collect()
    postpone_garbage_collection(20_000)
    gc.callbacks.append(lambda phase, _: searches.append(phase))
    kept = [[] for _ in range(15_000)]
    assert searches == []
    kept += [[] for _ in range(10_000)]
    assert (searches[0], gc.get_threshold()) == ("start", thresholds)


def test_nothing_is_searched_in_a_block():
    with without_garbage_collection():
        assert not gc.isenabled()
    assert gc.isenabled()
