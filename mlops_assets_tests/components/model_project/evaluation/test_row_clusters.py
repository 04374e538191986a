"""Clusters of rows: declared, of the split, or of the entity."""

import pandas as pd

from mlops_assets.components.model_project.evaluation.row_clusters import cluster_columns, row_clusters
from mlops_assets_tests.support.shop import SETTINGS


def test_clusters_are_the_groups_of_the_split_unless_others_are_declared(make_project):
    split = {"split": {"method": "group", "group": ["branch"]}}
    assert cluster_columns(make_project()) == []
    assert cluster_columns(make_project(**split)) == ["branch"]
    assert cluster_columns(make_project(**split, evaluation={"clusters": ["town"]})) == ["town"]


def test_clusters_of_an_event_project_are_its_entities_unless_others_are_declared(make_project):
    assert cluster_columns(make_project(**SETTINGS)) == ["customer"]
    declared = make_project(**SETTINGS, evaluation={"clusters": ["channel"]})
    assert cluster_columns(declared) == ["channel"]


def test_rows_without_a_value_are_one_cluster_and_columns_count_together(make_project):
    project = make_project(evaluation={"clusters": ["town", "street"]})
    rows = pd.DataFrame(
        {"town": ["a", "a", None, None, "a"], "street": ["x", "y", "x", "x", "x"], "income": range(5)}
    )
    assert row_clusters(project, rows).tolist() == [0, 1, 2, 2, 0]
    assert row_clusters(make_project(), rows) is None
