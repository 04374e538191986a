"""Properties of the contract step that hold for any table and any contract."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import pandas as pd
import pandera.pandas as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlops_assets.core.sql_quoting import quoted
from mlops_assets.ml.contracts import duplicates
from mlops_assets.ml.contracts.cast_rules import rules_sql
from mlops_assets.ml.contracts.contract import Contract
from mlops_assets.ml.contracts.row_ids import with_row_ids
from mlops_assets.ml.contracts.splitting import repeats, row_split, set_aside
from mlops_assets.ml.contracts.splitting.row_rules import violated_rules
from mlops_assets.ml.contracts.validation import validate
from mlops_assets.stores.delta.content_digest import relation_digest

EXAMPLES = settings.default.max_examples if settings.get_current_profile_name() == "many" else 15
"""`pytest --hypothesis-profile=many` runs more examples."""
NAMES = ("a", "b", 'odd "c"', "D e")
NUMBERS = ["0", "1", " 1.0", "2.5", "-3", "1e3", "9007199254740993", "1,0", "2,5", "1.000", "1.000,5", "inf"]
TIMES = ["2024-02-29", "2024-02-29 00:00:00", "2024-03-31 23:59:59", "2024-04-01", "2024-02-30"]
TEXTS = st.sampled_from([None, "", " ", "nan", "NaN", "x", "X", "true", "false", *NUMBERS, *TIMES])
KINDS: dict[Any, list[pa.Check]] = {
    int: [pa.Check.gt(0), pa.Check.isin([0, 1, 7]), pa.Check(lambda values: values % 2 == 1, name="odd")],
    float: [pa.Check.le(2), pa.Check.in_range(-5, 5), pa.Check(lambda values: values == values, name="same")],
    bool: [pa.Check(lambda flags: ~flags, name="unset")],
    str: [pa.Check.str_length(1, 3), pa.Check.isin(["x", "1", ""]), pa.Check.str_matches("^[0-9]")],
    "datetime64[ns]": [pa.Check.ge(datetime(2024, 3, 1))],
    pa.Date: [],
}


@dataclass(frozen=True)
class Case:
    """A table and its contract."""

    contract: Contract
    columns: tuple[str, ...]
    """Of the source, which may lack some that the contract does not require, and have others."""
    rows: tuple[tuple[str | None, ...], ...]
    time: str | None


@st.composite
def cases(draw: st.DrawFn) -> Case:
    names = NAMES[: draw(st.integers(1, len(NAMES)))]
    kinds = {name: draw(st.sampled_from(list(KINDS))) for name in names}
    columns = {
        name: pa.Column(
            kind,
            draw(st.lists(st.sampled_from(KINDS[kind]), max_size=2, unique=True)) if KINDS[kind] else None,
            nullable=draw(st.booleans()),
            required=draw(st.integers(0, 3)) > 0,
            unique=draw(st.integers(0, 3)) == 0,
        )
        for name, kind in kinds.items()
    }
    numbers = [name for name, kind in kinds.items() if kind in (int, float)]
    checks = []
    if len(numbers) > 1 and draw(st.booleans()):
        first, second = numbers[:2]
        checks = [pa.Check(lambda frame: frame[first] <= frame[second], name="in_order")]
    joint = draw(st.sampled_from([None, names[:2], names[-2:], names]))
    schema = pa.DataFrameSchema(
        columns,
        checks=checks,
        unique=list(joint) if joint else None,
        report_duplicates=draw(st.sampled_from(["exclude_first", "exclude_last"])),
    )
    there = tuple(name for name in names if columns[name].required or draw(st.booleans()))
    key = draw(st.sampled_from([(), there[:1]]))
    times = [name for name in there if kinds[name] == "datetime64[ns]"]
    marks = draw(st.sampled_from([(".", ""), (",", ""), (",", "."), (".", ",")]))
    contract = Contract.of(schema, subject="shop: table orders", key=key, spelling=marks)
    source = (*there, *draw(st.sampled_from([(), ("more",)]))) or ("more",)  # no file has no column
    pool = st.sampled_from(draw(st.lists(TEXTS, min_size=1, max_size=6)))
    rows = draw(st.lists(st.tuples(*(pool for _ in source)), max_size=14))
    return Case(contract, source, tuple(rows), draw(st.sampled_from([None, *times])))


def split(case: Case, order: Sequence[int]) -> tuple[pd.DataFrame, pd.DataFrame, tuple[Any, Any]]:
    """Both sides in the order of the rows' own numbers, and the digests of both."""
    frame = pd.DataFrame(
        [[*case.rows[number], f"{number % 2}.csv", number] for number in order],
        columns=[*case.columns, "_source_file", "_row"],
        dtype=object,
    )
    texts = ", ".join(f"{quoted(name)}::varchar as {quoted(name)}" for name in case.columns)
    with duckdb.connect() as connection, TemporaryDirectory() as scratch:
        raw = connection.from_df(frame).project(
            f"{f'{texts}, ' if texts else ''}_source_file::varchar as _source_file, "
            "'' as _source_sha256, _row::bigint as _row"
        )
        valid, quarantine = validate(
            connection,
            raw,
            case.contract,
            identity=case.contract.names,
            scratch=Path(scratch),
            before=(case.time, datetime(2024, 4, 1)) if case.time else None,
        )
        digests = relation_digest(valid), relation_digest(quarantine)
        return valid.order("_row").df(), quarantine.order("_row").df(), digests


def every_row_examined(case: Case) -> tuple[set[tuple[int, int]], dict[int, list[str]]]:
    """Row IDs of the valid rows, and the rules of the others, by pandera and windows over all rows."""
    contract = case.contract
    frame = pd.DataFrame(
        [[*row, f"{number % 2}.csv", number] for number, row in enumerate(case.rows)],
        columns=[*case.columns, "_source_file", "_row"],
        dtype=object,
    )
    texts = "".join(f"{quoted(name)}::varchar as {quoted(name)}, " for name in case.columns)
    with duckdb.connect() as connection, TemporaryDirectory() as scratch:
        connection.from_df(frame).project(
            f"{texts}_source_file::varchar as _source_file, '' as _source_sha256, _row::bigint as _row"
        ).create("raw")
        raw = connection.table("raw")
        rules = rules_sql(contract.columns, raw.columns)
        if case.time:
            late = next(one.cast_sql() for one in contract.columns if one.name == case.time)
            rule = f"{case.time}: before(2024-04-01 00:00:00)".replace("'", "''")
            rules = f"{rules} || case when {late} >= timestamp '2024-04-01' then ['{rule}'] else [] end"
        cast = f"{contract.cast_sql(raw.columns)}, _source_file, _source_sha256, _row"
        raw.project(f"{cast}, {rules} as _broken_rules").order("_row").create("typed")
        batch = connection.table("typed").to_arrow_table().combine_chunks().to_batches()
        found = violated_rules(batch[0], contract) if batch else []
        broken = {row: rules for row, rules in enumerate(found) if rules}
        connection.execute("alter table typed add column _broken boolean default false")
        for row in broken:
            connection.execute("update typed set _broken = true where _row = ?", [row])
        if contract.unique:
            again = duplicates.find_duplicates(connection, contract, "typed", Path(scratch))
            for row, rule in sorted(again.project("_row, rule").fetchall()):
                broken.setdefault(row, []).append(rule)
        connection.execute("delete from typed where _row in ?", [[*broken]])
        kept = connection.table("typed").project("* exclude (_broken, _broken_rules)")
        identified = with_row_ids(connection, kept, contract.names, Path(scratch))
        return set(identified.project("_row, row_id").fetchall()), broken


def typed(case: Case) -> dict[int, tuple[Any, ...]]:
    """The cast values of each row by its number, as SQL compares them."""
    frame = pd.DataFrame(
        [[*row, number] for number, row in enumerate(case.rows)],
        columns=[*case.columns, "_row"],
        dtype=object,
    )
    with duckdb.connect() as connection:
        texts = ", ".join(f"{quoted(name)}::varchar as {quoted(name)}" for name in case.columns)
        raw = connection.from_df(frame).project(f"{f'{texts}, ' if texts else ''}_row::bigint as _row")
        cast = raw.project(f"_row, {case.contract.cast_sql(case.columns)}")
        return {row[0]: row[1:] for row in cast.fetchall()}


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases(), st.randoms(use_true_random=False), st.integers(1, 5))
def test_each_row_of_any_table_is_valid_or_quarantined_in_any_order(case, random, batch):
    numbers = list(range(len(case.rows)))
    valid, quarantine, digests = split(case, numbers)
    assert Counter([*valid["_row"], *quarantine["_row"]]) == Counter(numbers)
    kept_as_they_came = quarantine[list(case.columns)].astype(object)
    kept_as_they_came = kept_as_they_came.where(kept_as_they_came.notna(), None)
    came = [case.rows[number] for number in quarantine["_row"]]
    assert list(kept_as_they_came.itertuples(index=False, name=None)) == came
    assert valid["row_id"].is_unique
    broken = {
        row: list(rules) for row, rules in zip(quarantine["_row"], quarantine["_broken_rules"], strict=True)
    }
    assert all(rules and len(set(rules)) == len(rules) for rules in broken.values())
    check_uniqueness(case, set(valid["_row"]), broken)
    identified, expected = every_row_examined(case)
    assert set(zip(valid["_row"], valid["row_id"], strict=True)) == identified
    assert broken == expected

    random.shuffle(numbers)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(row_split, "BATCH_ROWS", batch)
        patch.setattr(duplicates, "_FETCHED", batch)
        patch.setattr(repeats, "_SORTED_ROWS", 0)
        patch.setattr(set_aside, "_HELD_BYTES", 0)
        shuffled, shuffled_quarantine, shuffled_digests = split(case, numbers)
    assert shuffled_digests == digests
    pd.testing.assert_frame_equal(shuffled, valid)
    pd.testing.assert_frame_equal(shuffled_quarantine, quarantine)


def check_uniqueness(case: Case, valid: set[int], broken: dict[int, list[str]]) -> None:
    """Values stand once among the kept rows, and a row repeats another only if that one is kept."""
    values = typed(case)
    contract = case.contract
    earlier = 1 if contract.keep == "first" else -1
    for names in contract.unique:
        places = [contract.names.index(name) for name in names]
        of = {row: tuple(found[place] for place in places) for row, found in values.items()}
        kept = {of[row]: row for row in valid}
        assert len(kept) == len(valid)
        rule = f"({', '.join(names)}): unique"
        for row, rules in broken.items():
            first = kept.get(of[row])
            is_repeat = first is not None and earlier * ordered(first) < earlier * ordered(row)
            assert (rule in rules) == is_repeat, (rule, row)


def ordered(row: int) -> int:
    """The rank of a row's file and number: even rows lie in the first file."""
    return row + 1000 * (row % 2)
