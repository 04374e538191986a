"""training_set of an event project: holdout, embargo and training partitions of a cut-off."""

import pandas as pd
import pytest

from mlops_assets.core import names
from mlops_assets_tests.support.daemon import failure_message
from mlops_assets_tests.support.shop import MODEL, MONTHS

FIRST, SECOND, THIRD, FOURTH, FIFTH, SIXTH, SEVENTH = MONTHS[:7]
TWO_MONTHS = {"target": {"column": "quiet", "horizon": 2}}


def sides(shop, cutoff):
    """The side of each period of a training set."""
    frame = shop.frame("training_set", cutoff)
    found = frame.groupby(names.PERIOD)[names.SPLIT].unique()
    assert all(len(side) == 1 for side in found)
    return {period: side[0] for period, side in found.items()}


def test_the_newest_labelled_partition_is_the_holdout_and_earlier_ones_train(champion_shop):
    assert sides(champion_shop, FIFTH) == {FIRST: "train", SECOND: "train", THIRD: "train", FOURTH: "holdout"}
    metadata = champion_shop.metadata("training_set", FIFTH)
    assert metadata["in_words"] == "tested on 2024-04, trained on 2024-01 to 2024-03"
    frame = champion_shop.frame("training_set", FIFTH)
    labelled = pd.concat([champion_shop.frame("target", month) for month in MONTHS[:4]])
    assert len(frame) == len(labelled)
    assert frame["quiet"].mean() == pytest.approx(labelled["quiet"].mean())


def test_a_horizon_of_two_has_an_embargo_of_one_and_a_window_limits_training(shop):
    for month in (SIXTH, SEVENTH):
        shop.write(month)
        shop.ingest(month)
    settings = {**TWO_MONTHS, "training": {"window": 3}}
    shop.declare(settings=settings)
    for month in MONTHS[:5]:
        assert shop.daemon.run("shop/target", partition=month).success
    assert shop.daemon.run("shop/training_set", partition=SEVENTH).success
    assert sides(shop, SEVENTH) == {
        FIRST: "train",
        SECOND: "train",
        THIRD: "train",
        FOURTH: "embargo",
        FIFTH: "holdout",
    }
    labels = shop.daemon.run("shop/target", partition=SIXTH)
    assert "nothing has arrived for 2024-08" in failure_message(labels)


def test_rows_without_a_label_are_left_out(shop):
    shop.declare(
        target_sql="select customer, case when customer <> 'c001' then customer > 'c040' end::bigint as "
        "quiet "
        "from entities"
    )
    for month in MONTHS[:4]:
        assert shop.daemon.run("shop/target", partition=month).success
    assert shop.metadata("target", FIRST)["without_label"] == 1
    assert shop.daemon.run("shop/training_set", partition=FIFTH).success
    frame = shop.frame("training_set", FIFTH)
    assert "c001" not in set(frame["customer"])
    assert "c003" in set(frame["customer"])


def test_a_cutoff_without_a_labelled_holdout_is_an_error(shop):
    message = failure_message(shop.daemon.run("shop/training_set", partition=SIXTH))
    assert "shop: the holdout of cut-off 2024-06 is 2024-05, which has no target yet" in message
    assert "materialize shop/target for 2024-05 first" in message


def test_a_cutoff_with_too_few_labelled_partitions_is_an_error(open_shop):
    window = {"training": {"window": 2}, "target": {"column": "quiet", "horizon": 1}}
    shop = open_shop(settings=window)
    for month in MONTHS[:4]:
        shop.write(month)
    shop.ingest(*MONTHS[:4])
    message = failure_message(shop.daemon.run(*MODEL[:2], partition=FIFTH))
    assert "which has no target yet" in message
    assert shop.daemon.run(*MODEL[:2], partition=FOURTH).success, "two months train: one predicts the other"
