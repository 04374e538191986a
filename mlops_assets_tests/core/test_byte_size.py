"""Sizes in bytes as text."""

import pytest

from mlops_assets.core.byte_size import format_bytes


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1, "1 B"),
        (1023, "1023 B"),
        (1024, "1.00 KiB"),
        (1536, "1.50 KiB"),
        (300 * 2**20, "300 MiB"),
        (1023 * 2**20, "1,023 MiB"),
        (2**30, "1.00 GiB"),
        (12.34 * 2**30, "12.3 GiB"),
        (5000 * 2**40, "5,000 TiB"),
    ],
)
def test_a_size_has_three_significant_digits_in_the_largest_unit_that_it_fills(size, text):
    assert format_bytes(size) == text
