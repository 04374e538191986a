"""Arrivals: the files and rows of each partition, and what its fingerprint depends on."""

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlops_assets.core.digests import text_digest
from mlops_assets.core.errors import DataError
from mlops_assets.core.periods import Cadence, Periods
from mlops_assets.stores.files import listing
from mlops_assets.stores.sources.arrivals import Arrivals, arrival_of, find_arrivals, partition_relations

SUBJECT = "shop: table orders"
MONTHS = Periods("monthly", "2025-01")
JUNE = datetime(2025, 6, 15, tzinfo=UTC)


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


@pytest.fixture
def write(tmp_path: Path) -> Callable[[dict[str, str]], Path]:
    def run(files: dict[str, str]) -> Path:
        for name, content in files.items():
            path = tmp_path / "source" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        return tmp_path / "source"

    return run


@pytest.fixture
def find(connection: duckdb.DuckDBPyConnection) -> Callable[..., Arrivals]:
    def run(
        source: Path, periods: Periods | None = MONTHS, column: str | None = None, until: datetime = JUNE
    ) -> Arrivals:
        return find_arrivals(connection, source, periods, column, subject=SUBJECT, until=until)

    return run


@pytest.fixture
def rows(connection: duckdb.DuckDBPyConnection) -> Callable[..., list[tuple]]:
    """The rows of one partition, with file name and row number."""

    def run(source: Path, partition: str | None, periods: Periods | None = MONTHS, column: str | None = None):
        arrival = arrival_of(connection, source, periods, column, partition, subject=SUBJECT)
        relations = partition_relations(connection, arrival, periods, column, subject=SUBJECT)
        found = [row for relation in relations for row in relation.fetchall()]
        return sorted(((*row[:-3], row[-3], row[-1]) for row in found), key=repr)

    return run


def files_of(arrivals: Arrivals) -> dict[str | None, list[str]]:
    return {key: [file.name for file in arrival.files] for key, arrival in arrivals.by_partition.items()}


# ---------------------------------------------------------------- assigned by the names of files


def test_a_source_without_periods_is_one_arrival(find, write, rows):
    source = write({"b.csv": "a\n2\n", "a.csv": "a\n1\n"})
    found = find(source, None)
    digests = [sha256(text).hexdigest() for text in (b"a\n1\n", b"a\n2\n")]
    assert files_of(found) == {None: ["a.csv", "b.csv"]}
    assert found.by_partition[None].fingerprint == text_digest(*sorted(digests))
    assert rows(source, None, None) == [("1", "a.csv", 1), ("2", "b.csv", 1)]


def test_the_files_of_a_folder_are_assigned_by_their_paths(find, write, rows):
    source = write(
        {"2025-01.csv": "a\n1\n", "month=2025-02/x.csv": "a\n2\n", "y/2025-02-03.csv": "a\n3\n4\n"}
    )
    found = find(source)
    assert files_of(found) == {
        "2025-01": ["2025-01.csv"],
        "2025-02": ["month=2025-02/x.csv", "y/2025-02-03.csv"],
    }
    assert found.left_out == ()
    assert rows(source, "2025-02") == [
        ("2", "month=2025-02/x.csv", 1),
        ("3", "y/2025-02-03.csv", 1),
        ("4", "y/2025-02-03.csv", 2),
    ]


def test_dates_of_folders_count_even_if_a_glob_matches_only_one(find, write):
    source = write({"month=2025-02/x.csv": "a\n2\n"})
    assert files_of(find(source / "*" / "*.csv")) == {"2025-02": ["month=2025-02/x.csv"]}


def test_the_fingerprint_depends_on_the_content_and_not_on_names(find, write):
    one = find(write({"2025-01_a.csv": "a\n1\n", "2025-01_b.csv": "a\n2\n", "2025-02.csv": "a\n1\n"}))
    other = find(write({"2025-03_1.csv": "a\n2\n", "2025-03_2.csv": "a\n1\n"}))
    prints = {key: arrival.fingerprint for key, arrival in other.by_partition.items()}
    assert prints["2025-01"] == prints["2025-03"] == one.by_partition["2025-01"].fingerprint
    assert prints["2025-02"] != prints["2025-01"]


def test_files_outside_the_periods_are_reported(find, write):
    names = ["2024-11", "2024-12", "2025-06", "2025-07", "2026-01", "2026-02", "2027-05"]
    found = find(write({f"{name}.csv": "a\n1\n" for name in names}))
    assert files_of(found) == {"2025-06": ["2025-06.csv"]}
    assert found.left_out == (
        "2024-11.csv, 2024-12.csv: dated before 2025-01, the first partition",
        "2025-07.csv, 2026-01.csv, 2026-02.csv and 1 more: dated after 2025-06, the newest partition",
    )


def test_the_last_period_ends_the_table(find, write):
    source = write({"2025-02.csv": "a\n1\n", "2025-03.csv": "a\n1\n"})
    found = find(source, Periods("monthly", "2025-01", "2025-02"))
    assert files_of(found) == {"2025-02": ["2025-02.csv"]}
    assert found.left_out == ("2025-03.csv: dated after 2025-02, the newest partition",)


def test_a_name_without_a_date_is_an_error_with_an_example(find, write):
    source = write({"2025-01.csv": "a\n1\n", "deep/rest.csv": "a\n1\n"})
    with pytest.raises(DataError, match=r"shop: table orders: deep/rest.csv at .*: no month in the name"):
        find(source)
    with pytest.raises(DataError, match=r"no day in the name\n  hint: .* to orders_2025-01-01.csv"):
        find(source, Periods("daily", "2025-01-01"))


def test_only_the_files_of_the_partition_are_opened(write, rows, monkeypatch: pytest.MonkeyPatch):
    source = write({"2025-01.csv": "a\n1\n", "2025-02.csv": "", "rest.csv": "", "2025-03.parquet": "x"})
    opened = []
    monkeypatch.setattr(listing, "file_digest", lambda path: opened.append(path.name) or "0" * 64)
    assert rows(source, "2025-01") == [("1", "2025-01.csv", 1)]
    assert opened == ["2025-01.csv"]


def test_no_file_for_a_partition_is_an_error_with_the_available_ones(write, rows):
    source = write({"2025-01.csv": "a\n1\n", "2025-03.csv": "a\n1\n"})
    with pytest.raises(
        DataError,
        match=r"shop: table orders: no file for partition 2025-09 at .*source; available are 2025-01 to "
        r"2025-03\n  hint: put a file there, for example orders_2025-09.csv",
    ):
        rows(source, "2025-09")
    with pytest.raises(DataError, match=r"no file at .*nowhere"):
        rows(source / "nowhere", "2025-09")


# ---------------------------------------------------------------- assigned by a column

BIG = """day,a
2025-02-28,1
2025-03-01 00:00:00,2
,3
soon,4
2024-05-05,5
2025-03-31T23:59:59,6
2025-07-01,7
"""


def test_every_row_has_one_partition_and_invalid_times_are_in_the_first(find, write, rows):
    source = write({"big.csv": BIG}) / "big.csv"
    found = find(source, column="day")
    assert list(found.by_partition) == ["2025-01", "2025-02", "2025-03"]
    assert found.left_out == ("1 row: day is after 2025-06, the newest partition",)
    assert rows(source, "2025-01", column="day") == [
        ("2024-05-05", "5", "big.csv", 5),
        ("soon", "4", "big.csv", 4),
        (None, "3", "big.csv", 3),
    ]
    assert rows(source, "2025-02", column="day") == [("2025-02-28", "1", "big.csv", 1)]
    assert [row[-1] for row in rows(source, "2025-03", column="day")] == [2, 6]


@pytest.mark.parametrize(
    ("cadence", "first", "keys"),
    [
        ("daily", "2025-02-28", ["2025-02-28", "2025-03-01", "2025-03-31", "2025-07-01"]),
        ("weekdays", "2025-02-28", ["2025-02-28", "2025-03-31", "2025-07-01"]),
        ("weekly", "2025-02-24", ["2025-02-24", "2025-03-31", "2025-06-30"]),
    ],
)
def test_rows_fall_into_days_and_weeks(find, write, rows, cadence: Cadence, first: str, keys: list[str]):
    periods, source = Periods(cadence, first), write({"big.csv": BIG})
    found = find(source, periods, "day", until=datetime(2025, 7, 1))
    assert list(found.by_partition) == periods.between(keys[0], keys[-1])
    assert found.left_out == ()
    assert [key for key in found.by_partition if rows(source, key, periods, column="day")] == keys


def test_a_period_without_rows_between_others_is_an_empty_partition(find, write, rows):
    source = write({"a.csv": "day,a\n2025-01-05,1\n2025-04-01,2\n", "b.csv": "day,a,b\n2025-04-02,3,4\n"})
    found = find(source, column="day")
    assert files_of(found) == {
        "2025-01": ["a.csv"],
        "2025-02": ["a.csv"],
        "2025-03": ["a.csv"],
        "2025-04": ["a.csv", "b.csv"],
    }
    assert found.by_partition["2025-02"].fingerprint == found.by_partition["2025-03"].fingerprint
    assert rows(source, "2025-02", column="day") == []


def test_infinite_and_distant_times_make_no_partition(find, write):
    found = find(write({"big.csv": "day\ninfinity\n-infinity\n12025-01-01\n"}), column="day")
    assert list(found.by_partition) == ["2025-01"]
    assert found.left_out == ("1 row: day is after 2025-06, the newest partition",)


@pytest.mark.parametrize("unit", ["us", "ns"])
def test_a_number_is_not_a_time_and_a_time_with_zone_is_utc(find, tmp_path: Path, connection, unit: str):
    connection.execute("set timezone = 'America/New_York'")
    times = pd.to_datetime(["2025-03-01 01:00", "2025-02-28 23:00"]).tz_localize("UTC").as_unit(unit)
    pd.DataFrame({"day": times, "number": [20250301, 3]}).to_parquet(tmp_path / "big.parquet")
    by_time = find(tmp_path / "big.parquet", column="day")
    assert list(by_time.by_partition) == ["2025-02", "2025-03"]
    assert list(find(tmp_path / "big.parquet", column="number").by_partition) == ["2025-01"]


def test_each_partition_has_the_files_that_contain_its_rows(find, write, rows):
    source = write({"x.csv": "day,a\n2025-01-01,1\n2025-02-01,2\n", "y.csv": "day,b\n2025-02-02,3\n"})
    assert files_of(find(source, column="Day")) == {"2025-01": ["x.csv"], "2025-02": ["x.csv", "y.csv"]}
    assert rows(source, "2025-02", column="day") == [
        ("2025-02-01", "2", None, "x.csv", 2),
        ("2025-02-02", None, "3", "y.csv", 1),
    ]


def test_a_row_that_changes_changes_its_partition_only(find, write):
    before = find(write({"x.csv": "day,a\n2025-01-01,1\n2025-02-01,2\n"}), column="day")
    after = find(write({"x.csv": "day,a\n2025-01-01,1\n2025-02-01,9\n"}), column="day")
    assert before.by_partition["2025-01"].fingerprint == after.by_partition["2025-01"].fingerprint
    assert before.by_partition["2025-02"].fingerprint != after.by_partition["2025-02"].fingerprint


def test_a_file_with_a_new_column_leaves_the_other_partitions_alone(find, write):
    before = find(write({"x.csv": "day,a\n2025-01-01,1\n2025-02-01,2\n"}), column="day")
    after = find(write({"y.csv": "day,a,b\n2025-02-02,3,4\n"}), column="day")
    assert before.by_partition["2025-01"].fingerprint == after.by_partition["2025-01"].fingerprint
    assert before.by_partition["2025-02"].fingerprint != after.by_partition["2025-02"].fingerprint


def test_a_renamed_column_changes_the_content(find, write):
    one = find(write({"x.csv": "day,a\n2025-01-01,1\n"}), column="day").by_partition["2025-01"]
    other = find(write({"x.csv": "day,b\n2025-01-01,1\n"}), column="day").by_partition["2025-01"]
    assert one.fingerprint != other.fingerprint


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.tuples(st.sampled_from(["2025-01-31", "2025-02-01", "2025-03-09", ""]), st.integers(0, 2)),
        min_size=1,
    ),
    seed=st.integers(0, 5),
    cut=st.integers(0, 20),
)
def test_the_fingerprint_does_not_depend_on_the_order_and_files_of_rows(find, tmp_path, rows, seed, cut):
    def written(folder: str, parts: list[list[tuple[str, int]]]) -> dict[str | None, str]:
        (tmp_path / folder).mkdir(exist_ok=True)
        for number, part in enumerate(parts):
            lines = "".join(f"{day},{value}\n" for day, value in part)
            (tmp_path / folder / f"{number}.csv").write_text(f"day,a\n{lines}")
        found = find(tmp_path / folder, column="day")
        return {key: arrival.fingerprint for key, arrival in found.by_partition.items()}

    shuffled = random.Random(seed).sample(rows, len(rows))
    assert written("one", [rows]) == written("two", [shuffled[:cut], shuffled[cut:]])
    assert written("one", [rows]) != written("one", [[*rows, rows[0]]])


def test_a_single_partition_equals_the_one_among_all(find, write, connection):
    source = write({"big.csv": BIG})
    for partition, arrival in find(source, column="day").by_partition.items():
        assert arrival_of(connection, source, MONTHS, "day", partition, subject=SUBJECT) == arrival


def test_a_column_in_no_file_is_an_error(find, write, rows):
    source = write({"x.csv": "a\n1\n"})
    with pytest.raises(DataError, match=r"orders: no column day in x.csv\n  hint: set tables.<table>"):
        find(source, column="day")


def test_no_row_for_a_partition_is_an_error_with_the_available_ones(write, rows):
    source = write({"big.csv": BIG})
    with pytest.raises(
        DataError,
        match=r"no row for partition 2025-09 at .*; available are 2025-01 to 2025-07\n  hint: add rows "
        "with a day in this period",
    ):
        rows(source, "2025-09", column="day")


def test_a_file_with_an_invalid_row_is_reported(find, write):
    with pytest.raises(DataError, match=r"orders: .*x.csv, row 2 \(line 3\) has 1 field, the header 2"):
        find(write({"x.csv": "day,a\n2025-01-01,1\n2025-01-01\n"}), column="day")


def test_a_file_without_rows_and_without_the_column_is_in_no_partition(find, write):
    source = write({"x.csv": "day,a\n2025-01-01,1\n", "y.csv": "a\n"})
    assert files_of(find(source, column="day")) == {"2025-01": ["x.csv"]}


def test_batches_are_available_in_the_current_period_and_periods_without_rows_are_none(find, write):
    """Event projects would wait for the end of June, and compute empty partitions for the months between."""
    batches = Periods("monthly", "2025-01", by_batch=True)
    source = write(
        {"new-2025-02.csv": "t\n2025-02-01\n2025-06-14\n", "new-2025-06-14.csv": "t\n2025-06-01\n"}
    )
    found = find(source, batches)
    assert (list(found.by_partition), found.left_out) == (["2025-02", "2025-06"], ())
    assert batches.newest(JUNE) == "2025-06"
    assert list(find(source, batches, "t").by_partition) == ["2025-02", "2025-06"]
    events = find(source)
    assert "no file for 2025-03, 2025-04, 2025-05" in events.left_out[0]
    assert len(find(source, column="t").by_partition) == 5
