"""Holdout rows that the champion was not trained on, of static and of event projects."""

import json
from dataclasses import replace

import pandas as pd
import pytest

from mlops_assets.components.model_project.evaluation.unseen_rows import missing_features, rows_unseen_by
from mlops_assets.core import names
from mlops_assets.stores.tracking.registry import Version
from mlops_assets_tests.support.shop import MONTHS

TRAIN, HOLDOUT = names.TRAIN, names.HOLDOUT
LOANS = pd.DataFrame(
    {
        "income": [1.0, 2.0, 3.0, 4.0, None],
        "purpose": ["car", "car", "house", "other", "other"],
        "outcome": ["late", "paid", "late", "paid", "late"],
    }
)


@pytest.fixture
def register(make_project, warehouse):
    """A function that writes valid rows and a training set of `lending`, and returns a version of them."""
    project = make_project()

    def write(asset: str, frame: pd.DataFrame):
        with warehouse.connect() as connection:
            return warehouse.write(project.key(asset).path, connection.from_df(frame))

    def make(valid: pd.DataFrame, sides: list[str], first_id: int) -> Version:
        valid = valid.assign(**{names.ROW_ID: range(first_id, first_id + len(valid))})
        table = project.table_key(names.VALIDATED).path
        with warehouse.connect() as connection:
            version = warehouse.write(table, connection.from_df(valid)).version
        split = valid[[names.ROW_ID, "outcome"]].assign(**{names.SPLIT: sides})
        training = write(names.TRAINING_SET, split)
        facts = {
            "inputs": json.dumps({"/".join(table): version}),
            "training_set_version": str(training.version),
            "training_set_digest": training.digest,
            "model_digest": "0" * 64,
        }
        return Version("lending", first_id, "run", "models:/m-1", facts)

    make.project = project
    return make


def test_rows_that_trained_the_champion_are_left_out(register, warehouse):
    champion = register(LOANS, [TRAIN, TRAIN, HOLDOUT, HOLDOUT, HOLDOUT], 10)
    challenger = register(LOANS, [HOLDOUT, TRAIN, HOLDOUT, TRAIN, HOLDOUT], 10)
    found = rows_unseen_by(register.project, warehouse, challenger, champion)
    assert sorted(found["row_id"]) == [12, 14]
    assert set(found.columns) == {"row_id", "income", "purpose", "outcome"}, (
        "as clients send them, and the target"
    )


def test_rows_are_matched_by_their_values_because_row_ids_depend_on_the_contract(register, warehouse):
    champion = register(LOANS, [TRAIN, TRAIN, HOLDOUT, HOLDOUT, TRAIN], 10)
    challenger = register(LOANS, [HOLDOUT] * 5, 90)
    found = rows_unseen_by(register.project, warehouse, challenger, champion)
    assert sorted(found["row_id"]) == [92, 93], "a missing value equals a missing value"


def test_columns_that_only_one_of_the_models_knew_are_not_compared(register, warehouse):
    champion = register(LOANS, [TRAIN, HOLDOUT, HOLDOUT, HOLDOUT, HOLDOUT], 10)
    challenger = register(LOANS.assign(age=[20, 30, 40, 50, 60]), [HOLDOUT] * 5, 10)
    assert len(rows_unseen_by(register.project, warehouse, challenger, champion)) == 4


def keyed(project):
    """The project with `loan_id` as the key of its table."""
    tables = {
        name: table.model_copy(update={"key": ["loan_id"]}) for name, table in project.settings.tables.items()
    }
    return replace(project, settings=project.settings.model_copy(update={"tables": tables}))


def test_a_row_with_a_key_is_known_by_it_whatever_was_corrected_since(register, warehouse):
    loans = LOANS.assign(loan_id=[1, 2, 3, 4, 5])
    champion = register(loans, [TRAIN, TRAIN, HOLDOUT, HOLDOUT, TRAIN], 10)
    corrected = loans.assign(income=[9.0, 2.0, 3.0, 4.0, 8.0])
    challenger = register(corrected, [HOLDOUT] * 5, 90)
    found = rows_unseen_by(keyed(register.project), warehouse, challenger, champion)
    assert sorted(found["row_id"]) == [92, 93], "the corrected rows 90 and 94 trained the champion"


def test_equal_rows_with_different_keys_are_different_rows(register, warehouse):
    loans = LOANS.assign(income=1.0, purpose="car", loan_id=[1, 2, 3, 4, 5])
    champion = register(loans, [TRAIN, HOLDOUT, HOLDOUT, HOLDOUT, HOLDOUT], 10)
    challenger = register(loans, [HOLDOUT] * 5, 90)
    found = rows_unseen_by(keyed(register.project), warehouse, challenger, champion)
    assert sorted(found["row_id"]) == [91, 92, 93, 94]


def test_a_key_that_was_a_text_is_matched_as_a_number(register, warehouse):
    loans = LOANS.assign(loan_id=["1", "2", "3", "4", "5"])
    champion = register(loans, [TRAIN, TRAIN, HOLDOUT, HOLDOUT, TRAIN], 10)
    challenger = register(LOANS.assign(loan_id=[1, 2, 3, 4, 5], income=7.0), [HOLDOUT] * 5, 90)
    found = rows_unseen_by(keyed(register.project), warehouse, challenger, champion)
    assert sorted(found["row_id"]) == [92, 93]


def test_without_the_columns_of_the_key_rows_are_matched_by_their_values(register, warehouse):
    champion = register(LOANS, [TRAIN, TRAIN, HOLDOUT, HOLDOUT, TRAIN], 10)
    challenger = register(LOANS.assign(loan_id=[1, 2, 3, 4, 5]), [HOLDOUT] * 5, 90)
    found = rows_unseen_by(keyed(register.project), warehouse, challenger, champion)
    assert sorted(found["row_id"]) == [92, 93]


def test_a_corrected_target_does_not_make_a_row_unseen(register, warehouse):
    champion = register(LOANS, [TRAIN] * 4 + [HOLDOUT], 10)
    challenger = register(LOANS.assign(outcome="late"), [HOLDOUT] * 5, 10)
    assert list(rows_unseen_by(register.project, warehouse, challenger, champion)["row_id"]) == [14]


def test_without_common_columns_no_row_is_known_to_be_unseen(register, warehouse):
    champion = register(LOANS[["outcome"]].assign(age=1), [TRAIN, HOLDOUT, HOLDOUT, HOLDOUT, HOLDOUT], 10)
    challenger = register(LOANS, [HOLDOUT] * 5, 10)
    assert rows_unseen_by(register.project, warehouse, challenger, champion).empty


@pytest.mark.parametrize(
    ("champion_cutoff", "unseen"),
    [(MONTHS[3], True), (MONTHS[4], True), (MONTHS[5], False), (MONTHS[11], False)],
)
def test_a_champion_of_an_event_project_has_seen_all_partitions_before_its_own(
    champion_shop, champion_cutoff, unseen
):
    shop = champion_shop
    version = shop.tracking.registry.version("shop", 1)
    champion = replace(version, facts={**version.facts, "cutoff": champion_cutoff})
    found = rows_unseen_by(shop.project, shop.warehouse, version, champion)
    table = shop.frame("training_set", MONTHS[4])
    holdout = table[table[names.SPLIT] == HOLDOUT]
    assert set(holdout[names.PERIOD]) == {MONTHS[3]}, "the newest labelled partition"
    assert len(found) == (len(holdout) if unseen else 0)


def test_features_that_are_no_longer_computed_are_named(champion_shop):
    shop = champion_shop
    version = shop.tracking.registry.version("shop", 1)
    rows = rows_unseen_by(shop.project, shop.warehouse, version, version)
    assert missing_features(shop.project, shop.tracking, version, rows) == []
    fewer = rows.drop(columns=["amount", "channel"])
    assert missing_features(shop.project, shop.tracking, version, fewer) == ["amount", "channel"]


def test_a_static_project_computes_the_features_of_the_champion_itself(register, warehouse, tracking):
    version = register(LOANS, [HOLDOUT] * 5, 10)
    assert missing_features(register.project, tracking, version, LOANS[["income"]]) == []
