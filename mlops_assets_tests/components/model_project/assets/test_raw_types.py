"""Months of files whose types change: the contract decides, and no other column stops a run."""

import json
from datetime import date, time
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from mlops_assets_tests.support.events import COUNTS, TABLE, bought, counts, ingest
from mlops_assets_tests.support.shop import MONTHS, SETTINGS

FIRST, SECOND, THIRD = MONTHS[:3]
ANY = {"tables": {"purchases": {**SETTINGS["tables"]["purchases"], "source": "data/purchases/*"}}}

BESIDE = {
    "a number, then a date": ([5], [pd.Timestamp("2024-02-01").date()], ["x"]),
    "a time of day": ([time(8, 30)], [time(9)], [5.5]),
    "a list, then a number": ([[1, 2]], [7], [{"k": 1}]),
    "bytes, then text": ([b"\xff"], ["é"], [b"a"]),
    "a decimal, then a number": ([Decimal("1.50")], [0.1], [9007199254740993]),
    "nothing, then a list": ([None], [[1]], [None]),
}


@pytest.mark.parametrize("values", BESIDE.values(), ids=BESIDE)
def test_a_column_outside_the_contract_never_stops_a_run(open_shop, values: tuple[list, list, list]):
    shop = open_shop(features_sql=COUNTS, settings=ANY)
    for number, month in enumerate((FIRST, SECOND, THIRD)):
        rows = pa.Table.from_pandas(bought((f"p{number}", "a", f"{month}-10", 5)))
        rows = rows.append_column("extra", pa.array(values[number]))
        pq.write_table(rows, shop.data / f"{month}.parquet")
    ingest(shop, FIRST, SECOND, THIRD)
    for table in ("raw_purchases", "validated_purchases", "quarantine_purchases"):
        delta = DeltaTable(str(shop.warehouse.root / "shop" / table))
        assert len(delta.to_pandas()) == (0 if table.startswith("quarantine") else 3)
    extra = [shop.frame("raw_purchases", month)["extra"][0] for month in (FIRST, SECOND, THIRD)]
    assert [pd.isna(value) for value in extra] == [values[number][0] is None for number in range(3)]


def test_a_quarantine_of_an_older_type_does_not_stop_another_month(open_shop):
    shop = open_shop(features_sql=COUNTS, settings=ANY)

    def write(month: str, extra: object) -> None:
        rows = bought((f"p{month}", "a", f"{month}-10", 5)).assign(extra=[extra])
        rows.to_parquet(shop.data / f"{month}.parquet")

    write(FIRST, date(2024, 1, 10))
    ingest(shop, FIRST)
    write(FIRST, 1)  # corrected
    write(SECOND, 2)
    raw, *validated = TABLE
    for month in (FIRST, SECOND):
        assert shop.daemon.run(raw, partition=month).success
    for month in (SECOND, FIRST):
        assert shop.daemon.run(*validated, partition=month).success


def test_a_column_of_the_contract_may_change_its_type(open_shop):
    shop = open_shop(features_sql=COUNTS, settings=ANY)
    amounts = {FIRST: [5], SECOND: ["7.25"], THIRD: [Decimal("1234567.25")]}
    units = {FIRST: "us", SECOND: "ns", THIRD: "s"}
    for number, (month, unit) in enumerate(units.items()):
        rows = bought((f"p{number}", "a", f"{month}-10", 0)).assign(amount=amounts[month])
        zone = "America/New_York" if unit == "ns" else None
        times = pd.to_datetime(rows["bought_at"]).dt.tz_localize(zone)
        table = pa.Table.from_pandas(rows.drop(columns="bought_at"))
        table = table.append_column("bought_at", pa.array(times, pa.timestamp(unit, zone)))
        pq.write_table(table, shop.data / f"{month}.parquet")
    ingest(shop, FIRST, SECOND, THIRD)
    frames = [shop.frame("validated_purchases", month) for month in units]
    assert [frame["amount"][0] for frame in frames] == [5.0, 7.25, 1234567.25]
    assert [str(frame["bought_at"][0]) for frame in frames] == [
        "2024-01-10 00:00:00",
        "2024-02-10 05:00:00",
        "2024-03-10 00:00:00",
    ]
    raw = DeltaTable(str(shop.warehouse.root / "shop" / "raw_purchases"))
    assert {field.name: field.type.type for field in raw.schema().fields}["bought_at"] == "timestamp_ntz"
    assert sorted(raw.to_pandas()["amount"]) == ["1234567.25", "5", "7.25"]


def test_identifiers_in_json_lines_are_equal_in_every_month(open_shop):
    shop = open_shop(features_sql=COUNTS, settings=ANY)
    upper = "0C5E7A3D-8B7E-4E1B-9F0A-5B8C1D2E3F40"
    others = {FIRST: "11111111-2222-3333-4444-555555555555", SECOND: "guest", THIRD: "10-12-24"}
    for month, other in others.items():
        rows = bought((f"1-{month}", upper, f"{month}-10", 5), (f"2-{month}", other, f"{month}-11", 5))
        lines = [json.dumps({**row, "opened": "08:30"}) for row in rows.to_dict("records")]
        (shop.data / f"{month}.jsonl").write_text("\n".join(lines) + "\n")
    shop.ingest(FIRST, SECOND, THIRD)
    assert counts(shop, THIRD) == {upper: 3, **dict.fromkeys(others.values(), 1)}
    assert set(shop.frame("raw_purchases", THIRD)["opened"]) == {"08:30"}
