"""The graph of columns: both directions, marks, and the commands and tables that show it."""

import json

import pytest

from mlops_assets.components.model_project.lineage.column_graph import (
    CONDITION,
    DIRECT,
    ColumnGraph,
    ColumnNode,
)
from mlops_assets.components.model_project.lineage.lineage_table import lineage_table
from mlops_assets_tests.support.command_line import flat, mlops

RAW, VALID = ColumnNode("raw_orders", "amount"), ColumnNode("validated_orders", "amount")
TOTAL, COUNT = ColumnNode("features", "total"), ColumnNode("features", "orders")
SCORE = ColumnNode("predictions", "probability")


@pytest.fixture
def graph() -> ColumnGraph:
    return ColumnGraph(
        "shop",
        {
            RAW: {},
            ColumnNode("raw_orders", "email"): {},
            VALID: {RAW: DIRECT},
            TOTAL: {VALID: DIRECT},
            COUNT: {VALID: CONDITION},
            SCORE: {TOTAL: DIRECT, COUNT: DIRECT},
        },
        ["raw_orders", "validated_orders", "features", "predictions"],
        sources={"raw_orders": "data/*.csv"},
        sensitive=frozenset({"email"}),
        importances={"orders": 0.2, "total": 0.1},
        champion=3,
    )


def test_a_column_is_followed_in_both_directions(graph):
    assert [(str(one.node), one.by) for one in graph.downstream(RAW)] == [
        ("validated_orders.amount", DIRECT),
        ("features.total", DIRECT),
        ("features.orders", CONDITION),
        ("predictions.probability", DIRECT),
    ]
    assert [(str(one.node), one.by) for one in graph.upstream(COUNT)] == [
        ("raw_orders.amount", CONDITION),
        ("validated_orders.amount", CONDITION),
    ]


def test_a_column_is_found_where_it_starts(graph):
    assert graph.find("amount") == graph.find("orders.amount") == [RAW]
    assert graph.find("validated_orders.amount") == [VALID]
    with pytest.raises(KeyError, match="did you mean amount"):
        graph.find("amuont")


def test_features_are_in_the_order_of_their_importance_and_sensitive_columns_are_marked(graph):
    assert graph.features() == [COUNT, TOTAL]
    assert graph.marks(ColumnNode("raw_orders", "email")) == ["sensitive"]
    table = lineage_table(graph) or ""
    assert '<td data-name="computed from">orders.amount</td><td data-name="rows depend on"></td>' in table
    assert '<td data-name="computed from"></td><td data-name="rows depend on">orders.amount</td>' in table
    assert table.index("orders</td>") < table.index("total</td>")


def test_the_lineage_of_a_project_is_that_of_its_materializations(lending):
    found = json.loads(mlops("lineage", "lending", "loans.income", "--json").stdout)
    [column] = found["columns"]
    assert (column["asset"], column["column"], column["source"]) == ("raw_loans", "income", "data/*.csv")
    direct = {f"{one['asset']}.{one['column']}" for one in column["to"] if one["by"] == "direct"}
    assert {"validated_loans.income", "features.share", "training_set.share"} <= direct
    assert "features.purpose" not in direct
    [share] = [one for one in column["to"] if (one["asset"], one["column"]) == ("features", "share")]
    assert share["importance"] > 0
    assert found["champion"] == 1
    table = flat(mlops("lineage", "lending").output)
    assert "loans.amount, loans.income" in table
    back = flat(mlops("lineage", "lending", "share").output)
    assert "from raw_loans: amount, income raw_loans is read from data/*.csv" in back
    wrong = mlops("lineage", "lending", "shares")
    assert wrong.exit_code == 1
    assert "lending has no column shares" in flat(wrong.output)


def test_a_project_that_has_not_run_has_no_lineage(place):
    done = mlops("lineage", "lending")
    assert done.exit_code == 1
    assert "lending has no column lineage yet" in flat(done.output)
