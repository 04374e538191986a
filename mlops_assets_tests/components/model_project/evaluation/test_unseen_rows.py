"""Rows that neither model was trained on."""

import pandas as pd
import pytest

from mlops_assets.components.model_project.evaluation import unseen_rows
from mlops_assets.core import names
from mlops_assets.stores.tracking.registry import Version
from mlops_assets_tests.support.shop import MONTHS

FIRST, SECOND, THIRD, FOURTH, FIFTH = MONTHS[:5]


@pytest.mark.parametrize(
    ("champion", "rows"), [("2024-04", 50), ("2024-05", 50), ("2024-06", 0), ("2024-12", 0)]
)
def test_rows_that_the_champion_was_trained_on_do_not_count(shop, monkeypatch, champion, rows):
    frame = pd.DataFrame({names.SPLIT: [names.HOLDOUT] * 50 + [names.TRAIN] * 10})
    monkeypatch.setattr(unseen_rows, "training_set", lambda *_: frame)
    challenger, before = (
        Version("shop", number, "", "", {"cutoff": cutoff}) for number, cutoff in ((2, FIFTH), (1, champion))
    )
    found = unseen_rows._period_unseen_by(shop.project, shop.warehouse, challenger, before)
    assert len(found) == rows
