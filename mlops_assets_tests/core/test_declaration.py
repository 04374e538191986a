"""The record of files and settings, and the differences that it shows."""

import pytest

from mlops_assets.core.declaration import differences, from_text, record_declaration, to_text

SQL = "select\n  a,\n  b\nfrom t\n"
SETTINGS = {"tuning": {"folds": 2, "metric": "auc"}, "entity": ["customer"]}


def shown(files: dict[str, str], settings: dict[str, object], version: str = "1.0") -> list[str]:
    before = from_text(to_text(record_declaration({"features.sql": SQL}, SETTINGS, "1.0")))
    assert before is not None
    after = record_declaration(files, settings, version)
    return differences(before, after, files=["features.sql", "target.sql"], settings=["tuning", "entity"])


@pytest.mark.parametrize(
    ("files", "settings", "version", "expected"),
    [
        ({"features.sql": SQL}, SETTINGS, "1.0", []),
        ({"features.sql": SQL.replace("b\n", "c\n")}, SETTINGS, "1.0", ["features.sql has changed (line 3)"]),
        (
            {"features.sql": SQL.replace("b\n", "b,\n  c,\n  d\n")},
            SETTINGS,
            "1.0",
            ["features.sql has changed (lines 3-5)"],
        ),
        ({}, SETTINGS, "1.0", ["features.sql was removed"]),
        ({"features.sql": SQL, "target.sql": SQL}, SETTINGS, "1.0", ["target.sql is new"]),
        (
            {"features.sql": SQL},
            {**SETTINGS, "tuning": {"folds": 3, "metric": "auc", "trials": 4}},
            "1.0",
            ["setting tuning.folds 2 → 3", "setting tuning.trials default → 4"],
        ),
        ({"features.sql": SQL}, {**SETTINGS, "entity": ["x"]}, "1.0", ["setting entity has changed"]),
        ({"features.sql": SQL}, SETTINGS, "1.1", ["version of mlops_assets 1.0 → 1.1"]),
        ({"features.sql": SQL}, {**SETTINGS, "description": "x"}, "1.0", []),
    ],
)
def test_a_difference_is_described(files, settings, version, expected):
    assert shown(files, settings, version) == expected


def test_a_record_quotes_no_text():
    record = to_text(record_declaration({"a.sql": "where name = 'Miller'"}, {"x": {"y": "Miller"}}, "1.0"))
    assert "Miller" not in record


@pytest.mark.parametrize("other", [None, "", "{", "[]", '{"files": 1, "settings": {}, "mlops_assets": "1"}'])
def test_another_text_is_no_record(other):
    assert from_text(other) is None
