"""Figures of the pages are drawn."""

import pytest


@pytest.fixture(autouse=True)
def _figures_are_drawn(drawn_figures: None) -> None:
    """As for users, but with few dots."""
