"""New rows that depend on rows which were validated before."""

from pathlib import Path

import duckdb
import pandera.pandas as pa
import pytest

from mlops_assets.ml.contracts.contract import Contract
from mlops_assets.ml.contracts.splitting.earlier_rows import repeat_earlier_rows
from mlops_assets.ml.contracts.splitting.row_split import RowSplit

RAW = "'f' as _source_file, '' as _source_sha256, row_number() over ()::bigint as _row"
EARLIER = "('1', 'a'), ('2', 'b'), ('x', 'c'), ('2', 'd')"  # the last two are quarantined


def repeats(
    tmp_path: Path, new: str, *, key: list[str], keep: str = "exclude_first", code: bool = False
) -> bool:
    """Whether new rows repeat the earlier ones, whose number is the key; the code may be unique, too."""
    columns = {"number": pa.Column(int), "code": pa.Column(str, unique=code, nullable=True)}
    contract = Contract.of(pa.DataFrameSchema(columns, report_duplicates=keep), subject="s", key=key)
    with duckdb.connect() as connection:
        raw, added = (
            connection.sql(f"select *, {RAW} from (values {values}) rows(number, code)")
            for values in (EARLIER, new)
        )
        identity = key or ["number", "code"]
        split = RowSplit(connection, raw, contract, identity, tmp_path)
        for number, rows in enumerate(split.valid()):
            rows.create(f"valid{number}")
        valid = connection.sql(" union all ".join(f"from valid{one}" for one in range(number + 1)))
        split.quarantine().create("bad")
        return repeat_earlier_rows(
            connection, added, valid, connection.table("bad"), contract, identity, None
        )


@pytest.mark.parametrize(
    ("new", "options", "expected"),
    [
        ("('3', 'e'), ('3', 'f'), ('y', 'g')", {"key": ["number"]}, False),
        ("('3', 'a')", {"key": ["number"]}, False),
        ("('02', 'z')", {"key": ["number"]}, True),
        ("('3', 'a')", {"key": ["number"], "code": True}, True),
        ("('3', 'd')", {"key": ["number"], "code": True}, False),
        ("('3', 'd')", {"key": ["number"], "code": True, "keep": "exclude_last"}, True),
        ("('3', 'e')", {"key": ["number"], "code": True, "keep": "exclude_last"}, False),
        ("('1', 'b')", {"key": []}, False),
        ("('01', 'a')", {"key": []}, True),
    ],
)
def test_new_rows_repeat_earlier_ones_by_identity_or_unique_values(tmp_path: Path, new, options, expected):
    assert repeats(tmp_path, new, **options) is expected
