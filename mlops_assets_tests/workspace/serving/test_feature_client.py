"""`FeatureStoreClient`: the calls of Feast on online features."""

import math
from datetime import UTC

import pytest

from mlops_assets.core.errors import DataError, ProjectError, StoreError
from mlops_assets.online import FeatureStoreClient
from mlops_assets_tests.support.online import NEW, OLD, write_online

ROWS = [{"customer": 7}, {"customer": "8"}, {"customer": 9}]


@pytest.fixture
def client(tmp_path):
    def open_client(**settings):
        file = tmp_path / "serving.json"
        file.write_text(write_online(tmp_path, "shop", "gym", **settings).to_text())
        return FeatureStoreClient(file)

    return open_client


def test_features_are_returned_as_columns_with_none_for_an_unknown_entity(client):
    found = client().get_online_features(["shop:orders"], ROWS)
    assert found.to_dict() == {"customer": [7, "8", 9], "orders": [1, 2, None]}
    assert found.statuses == {"orders": ["PRESENT", "PRESENT", "NOT_FOUND"]}
    times = found.to_dict(include_event_timestamps=True)["orders__ts"]
    assert times == [OLD.replace(tzinfo=UTC), NEW.replace(tzinfo=UTC), None]


def test_a_project_without_features_means_all_of_them(client):
    found = client().get_online_features("shop", ROWS[:2])
    assert list(found.to_df().columns) == ["customer", "orders", "amount"]
    assert found.to_dict()["amount"][0] == 0.5
    assert math.isnan(found.to_dict()["amount"][1])


def test_stale_features_are_none_unless_the_project_answers_them(client):
    hours = 30 * 24
    refused = client(ttl_hours=hours).get_online_features(["shop:orders"], ROWS)
    assert refused.to_dict()["orders"] == [None, 2, None]
    assert refused.statuses["orders"] == ["OUTSIDE_MAX_AGE", "PRESENT", "NOT_FOUND"]
    answered = client(ttl_hours=hours, stale="answer").get_online_features(["shop:orders"], ROWS)
    assert answered.to_dict()["orders"] == [1, 2, None]
    assert answered.statuses["orders"][0] == "OUTSIDE_MAX_AGE"


def test_features_of_several_projects_are_named_by_project_on_request(client):
    features = client()
    with pytest.raises(DataError, match="two features are named orders"):
        features.get_online_features(["shop:orders", "gym:orders"], ROWS)
    found = features.get_online_features(["shop:orders", "gym:orders"], ROWS[:1], full_feature_names=True)
    assert found.to_dict() == {"customer": [7], "shop__orders": [1], "gym__orders": [1]}


@pytest.mark.parametrize(
    ("features", "rows", "error", "problem"),
    [
        (["shop:order"], ROWS, DataError, "shop has no feature order\n  hint: did you mean orders?"),
        (["orders"], ROWS, DataError, "'orders' is not a reference to a feature"),
        (
            ["shop:orders"],
            [{"customer": "secret"}],
            DataError,
            "row 0 of entity_rows: customer must be",
        ),
        (["shop:orders"], [{}], DataError, "row 0 of entity_rows: customer is missing"),
        (["club:orders"], ROWS, ProjectError, "project club is not served"),
    ],
)
def test_a_wrong_request_is_an_error_that_quotes_no_value(client, features, rows, error, problem):
    with pytest.raises(error) as found:
        client().get_online_features(features, rows)
    assert problem in str(found.value)
    assert "secret" not in str(found.value)


def test_no_rows_give_no_values(client):
    assert client().get_online_features("shop", []).to_dict() == {"orders": [], "amount": []}


def test_a_missing_configuration_is_an_error_with_the_command_that_writes_it(tmp_path):
    with pytest.raises(StoreError, match="No such file") as found:
        FeatureStoreClient(tmp_path / "serving.json").get_online_features("shop", ROWS)
    assert found.value.hint.startswith("write it: mlops serve shop --export")
