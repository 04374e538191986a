"""The version that answers a row follows from its key alone, and each version gets its share of the keys."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_assets.serving.canary.routing import routing_keys, takes_challenger

KEYS = [f"customer {number}" for number in range(4_000)]


def challenged(share: float, *, version: int = 3, project: str = "shop") -> set[str]:
    return {key for key in KEYS if takes_challenger(project, version, key, share)}


@settings(max_examples=20, deadline=None)
@given(st.floats(0.01, 0.99), st.integers(1, 1_000), st.text(max_size=20))
def test_the_share_of_keys_is_within_binomial_bounds(share: float, version: int, project: str):
    deviation = math.sqrt(len(KEYS) * share * (1 - share))
    found = len(challenged(share, version=version, project=project))
    assert abs(found - len(KEYS) * share) < 5.5 * deviation


@given(st.text(), st.floats(0, 1))
def test_a_key_is_always_answered_by_the_same_version(key: str, share: float):
    first = takes_challenger("shop", 3, key, share)
    assert all(takes_challenger("shop", 3, key, share) is first for _ in range(3))


def test_a_larger_share_keeps_the_keys_of_a_smaller_one():
    assert challenged(0.1) < challenged(0.3) < challenged(0.9)
    assert (challenged(0), challenged(1)) == (set(), set(KEYS))


def test_versions_and_projects_split_the_keys_independently():
    third, fourth = challenged(0.5), challenged(0.5, version=4)
    assert 800 < len(third & fourth) < 1_200
    assert 800 < len(third & challenged(0.5, project="bank")) < 1_200


def test_the_key_of_a_known_customer_stays_the_same_in_later_releases():
    assert [takes_challenger("shop", 3, f"c{number}", 0.25) for number in range(8)] == KNOWN


KNOWN = [False, False, False, False, False, True, False, True]


@pytest.mark.parametrize(
    ("columns", "row", "key"),
    [
        (("customer",), {"customer": "c1"}, "c1"),
        (("customer",), {"customer": 17}, "17"),
        (("customer",), {"customer": 17.0}, "17"),
        (("customer", "shop"), {"customer": "c1", "shop": 2}, "c1\0002"),
        (("customer",), {"customer": None}, "request 9"),
        (("customer",), {"customer": ""}, "request 9"),
        (("customer", "shop"), {"customer": "c1"}, "request 9"),
        ((), {"customer": "c1"}, "request 9"),
    ],
)
def test_the_key_of_a_row_is_that_of_its_entity_or_of_the_request(columns, row, key):
    assert routing_keys(columns, 1, lambda _place, name: row.get(name), "request 9") == [key]
