"""Drafts of projects from profiles of columns."""

import pytest
import yaml

from mlops_assets.core.errors import MlopsError
from mlops_assets.scaffolding.column_profile import ColumnProfile
from mlops_assets.scaffolding.draft import Draft
from mlops_assets.scaffolding.drafting import draft_from
from mlops_assets.scaffolding.table_draft import TableDraft
from mlops_assets.scaffolding.templates import write_files


def column(name="x", kind="DOUBLE", *, rows=100, nulls=0, distinct=90, values=None) -> ColumnProfile:
    values = values or {}
    ends = (min(values), max(values)) if values else ("0.5", "9.5")
    return ColumnProfile(name, kind, rows, nulls, len(values) or distinct, *ends, values)


def draft(predicted, *others, **given):
    columns = [*others, predicted]
    base = TableDraft(project="shop", table="rows", source="rows.csv", columns=tuple(columns))
    return Draft.of(base, **{"target": predicted.name, **given})


@pytest.mark.parametrize(
    ("target", "task"),
    [
        (column(), "regression"),
        (column(kind="BIGINT", distinct=40), "regression"),
        (column(kind="BIGINT", values={"0": 60, "1": 40}), "binary"),
        (column(kind="BOOLEAN", values={"false": 60, "true": 40}), "binary"),
        (column(kind="BIGINT", values={"1": 60, "2": 30, "3": 10}), "multiclass"),
        (column(kind="VARCHAR", values={"a": 60, "b": 30, "c": 10}), "multiclass"),
    ],
)
def test_the_task_is_inferred_from_the_targets_values(target, task):
    assert draft(target).task == task


def test_a_note_suggests_regression_for_integer_classes():
    stars = column(kind="BIGINT", values={"1": 60, "2": 30, "3": 10})
    assert "use --task regression" in draft(stars, column("size")).notes[0]
    assert not any("--task" in note for note in draft(stars, column("size"), task="regression").notes)


def test_the_classes_0_and_1_are_no_amounts():
    paid = column(kind="BIGINT", values={"0": 60, "1": 40})
    assert not any("--task" in note for note in draft(paid, column("size")).notes)


def test_a_note_names_few_rows():
    assert "100 rows are few" in draft(column("price"), column("size")).notes[-1]
    assert draft(column("price", rows=5_000), column("size", rows=5_000)).notes == []


@pytest.mark.parametrize(
    ("target", "given", "message"),
    [
        (column("price"), {"target": "prize"}, "has no column prize; did you mean price"),
        (column(values={"1.0": 100}), {}, "has a single value, so there is nothing to predict"),
        (column(distinct=0, nulls=100), {}, "has no values, so"),
        (column(kind="VARCHAR", distinct=90), {}, "neither numbers nor classes"),
        (column(kind="TIMESTAMP", distinct=90), {}, "neither numbers nor classes"),
        (column(kind="VARCHAR", values={"a": 1, "b": 9}), {"task": "regression"}, "is not numeric"),
        (column(kind="VARCHAR", values={"a": 1, "b": 1, "c": 9}), {"task": "binary"}, "binary requires two"),
        (column(), {"task": "multiclass"}, "at most 20 classes"),
        (
            column(kind="DATE", values={"2024": 1, "2025": 9}),
            {"task": "binary"},
            "timestamps, which are not classes",
        ),
    ],
)
def test_an_invalid_target_is_reported(record_property, target, given, message):
    with pytest.raises(MlopsError, match=message) as caught:
        draft(target, **given)
    record_property("message", str(caught.value))


def test_columns_that_are_no_features_have_a_reason():
    others = [
        column("visit_id", "BIGINT", distinct=100),
        column("country", "VARCHAR", values={"Peru": 100}),
        ColumnProfile("email", "VARCHAR", 100, 5, 95, "ann@x.org", "zoe@x.org", {}),
        ColumnProfile("code", "VARCHAR", 100, 5, 95, "a7", "z3", {}),
        column("note", "VARCHAR", distinct=0, nulls=100),
        column("insured", "DOUBLE", nulls=50, values={"1.0": 50}),
        column("size"),
    ]
    made = draft(column("price"), *others)
    assert [feature.name for feature in made.features] == ["insured", "size"]
    why = {other.name: made.why_no_feature(other) for other in others}
    assert why["visit_id"] == "identifies a row"
    assert why["country"] == "constant"
    assert why["email"] == "sensitive"
    assert why["code"].startswith("a different word in nearly each row")
    assert made.sensitive == ["email"]
    assert why["note"] == "always empty"
    assert made.key == ["visit_id"]


def test_text_with_many_values_and_dates_are_features():
    title = ColumnProfile("title", "VARCHAR", 100, 0, 100, "A day out", "Zebra", {})
    town = column("town", "VARCHAR", rows=1000, distinct=500)
    made = draft(column("price"), title, town, column("Made at", "TIMESTAMP"), column("sold", "DATE"))
    assert [feature.name for feature in made.features] == ["title", "town", "Made at", "sold"]
    assert [made.encoding(feature).split(":")[0] for feature in made.columns] == [
        "free text",
        "500 categories",
        "date",
        "date",
        "",
    ]
    assert list(made.elapsed) == ["days_from_Made_at_to_sold"]
    assert made.role(town) == "feature, 500 categories"


def test_days_are_counted_between_the_first_three_dates():
    days = [column(f"day_{number}", "DATE") for number in range(5)]
    taken = column("days_from_day_0_to_day_2")
    assert list(draft(column("price"), *days, taken).elapsed) == [
        "days_from_day_0_to_day_1",
        "days_from_day_1_to_day_2",
    ]


def test_an_entity_and_a_row_number_are_no_features_and_an_entity_suggests_a_group_split():
    number = ColumnProfile("unnamed_1", "BIGINT", 100, 0, 100, "0", "99", {})
    owner = column("ownerID", "BIGINT", distinct=40)
    made = draft(column("price"), number, owner, column("size"))
    assert [feature.name for feature in made.features] == ["size"]
    assert made.why_no_feature(number) == "numbers the rows"
    assert made.why_no_feature(owner).startswith("identifies an entity")
    assert "set split.method to group and split.group to [ownerID]" in made.notes[0]


def test_the_rejection_limit_allows_for_rows_without_a_target():
    made = draft(column(nulls=30))
    assert 0.3 < made.max_rejected_share < 0.4
    assert "30 of 100 rows have no x and will be quarantined" in made.notes[0]
    assert draft(column()).max_rejected_share == 0.05


def test_rare_classes_are_stratified():
    assert draft(column(kind="VARCHAR", values={"a": 950, "b": 50}, rows=1000)).stratified
    assert not draft(column(kind="VARCHAR", values={"a": 500, "b": 500}, rows=1000)).stratified


def test_invalid_names_become_identifiers():
    names = ["Fare ($)", "fare", "FARE", "class", "2nd", "validate", "Config", "größe", "$"]
    made = draft(column("price"), *[column(name) for name in names])
    given = list(made.identifiers.values())[:-1]
    assert given == ["Fare", "fare_2", "FARE_3", "class_", "n2nd", "validate_", "Config_", "größe", "column"]


def test_a_class_with_few_rows_is_a_note():
    notes = draft(column(kind="VARCHAR", values={"a": 60, "b": 39, "c": 1}), column("size")).notes
    assert [note.split(":")[0] for note in notes if "class" in note] == ["class c of x has 1 row"]


def test_integers_that_a_double_does_not_hold_are_no_feature():
    ends = ("9007199254740993", "9007199254740999")
    account = ColumnProfile("account", "BIGINT", 100, 0, 6, *ends, {})
    assert draft(column(), account).why_no_feature(account).startswith("integers above 2^53")


@pytest.fixture
def trips(tmp_path):
    path = tmp_path / "trips.csv"
    rows = [f"{10 + n % 7},{n % 4},{'ab'[n % 2]}" for n in range(200)]
    path.write_text("\n".join(["fare,tips,zone", *rows, "12,,a"]) + "\n", "utf-8")
    return path


@pytest.mark.parametrize(
    ("values", "kind", "bounds"),
    [
        ({"0": 5, "7": 5, "9": 90}, "BIGINT", {"minimum": 0}),
        ({"0.5": 5, "900.5": 95}, "DOUBLE", {"minimum": 0}),
        ({"0.0": 5, "0.25": 5, "1.0": 90}, "DOUBLE", {"minimum": 0, "maximum": 1}),
        ({"-0.5": 5, "0.5": 95}, "DOUBLE", {}),
    ],
)
def test_a_target_that_is_never_negative_or_a_share_has_natural_bounds(tmp_path, values, kind, bounds):
    found = draft(column("y", kind, values=values), column("size"), task="regression")
    assert found.bounds == bounds
    write_files(found, tmp_path, drafted=True)
    declared = yaml.safe_load((tmp_path / "defs.yaml").read_text("utf-8"))["attributes"]["target"]
    assert declared == {"column": "y", **bounds}


def test_classes_have_no_bounds():
    assert draft(column("y", "BIGINT", values={"0": 60, "1": 40}), column("size")).bounds == {}


def test_an_expression_is_drafted_as_the_target(trips, tmp_path):
    found = draft_from("taxi", tmp_path, data=trips, target="tips > 0.2 * fare", target_name="generous")
    assert (found.task, found.target.name, found.target.values) == (
        "binary",
        "generous",
        {"false": 164, "true": 36},
    )
    assert [column.name for column in found.features] == ["zone"]
    assert found.role(found.columns[0]) == "read by the target"
    assert found.notes[:2] == [
        "fare, tips: read by the target and no features; add those that are known at the time of a "
        "prediction to target.keep in defs.yaml and to features.sql",
        "1 of 201 rows have no generous and are not trained on",
    ]
    write_files(found, tmp_path, drafted=True)
    text = (tmp_path / "defs.yaml").read_text("utf-8")
    assert "# Doubt: " not in text
    assert "column: generous\n    expression: tips > 0.2 * fare  #" in text
    ratio = draft_from("taxi", tmp_path, data=trips, target="tips / fare")
    assert (ratio.task, ratio.target.name) == ("regression", "target")


@pytest.mark.parametrize(
    ("target", "given", "message"),
    [
        ("tip", {}, "has no column tip; did you mean tips"),
        ("what a mess", {}, "has no column what a mess"),
        ("tips > 0", {"target_name": "zone"}, "zone is a column of trips.csv and can't name the target"),
        ("tips > 100", {}, "the target 'tips > 100' is false in all rows"),
        ("tips > max(tips)", {}, "taxi: --target is 'tips > max\\(tips\\)', which can't be computed"),
        ("tips > 0", {"task": "regression"}, "the target target is not numeric"),
        ("tips", {"target_name": "generous"}, "--target-name is generous, but --target is the column tips"),
    ],
)
def test_an_invalid_target_expression_is_reported(target, given, message, trips, tmp_path):
    with pytest.raises(MlopsError, match=message):
        draft_from("taxi", tmp_path, data=trips, target=target, **given)


def test_doubts_about_the_table_are_notes_and_comments(tmp_path):
    path = tmp_path / "visits.csv"
    rows = [f"2024-{1 + n % 12:02}-{1 + n % 28:02},{n % 40},{n * 7 % 101},{n % 60 == 0}" for n in range(600)]
    path.write_text("\n".join(["visited_on,patient,pressure,died", *rows]) + "\n", "utf-8")
    found = draft_from("clinic", tmp_path, data=path, target="died")
    notes = "\n".join(found.notes)
    assert "the rows look like events: patient has 15.0 rows on average" in notes
    assert "declare split: {method: group, group: [patient]}" in notes
    assert "declare split: {method: time, column: visited_on}" in notes
    assert "class true of died has 10 of 600 rows (1.7 %)" in notes.replace("True", "true")
    write_files(found, tmp_path, drafted=True)
    text = (tmp_path / "defs.yaml").read_text("utf-8")
    assert text.count("  # Doubt: ") == len(found.table_doubts) == 4
    assert yaml.safe_load(text)["attributes"]["split"]["method"] == "stratified"
