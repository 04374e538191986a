"""The dialect of CSV files: settings, the options that affect rows, and encodings."""

import json

import pytest

from mlops_assets.components.model_project.settings.tables import TableSettings
from mlops_assets.stores.files.csv_dialect import (
    DEFAULT_DIALECT,
    Dialect,
    encoding_from_mark,
    guess_utf16,
    is_utf8,
)


def test_only_settings_that_differ_from_the_default_are_recorded():
    assert DEFAULT_DIALECT.non_defaults() == {}
    dialect = Dialect(delimiter=";", decimal=",", nulls=("NA",))
    assert dialect.non_defaults() == {"delimiter": ";", "decimal": ",", "nulls": ["NA"]}
    assert Dialect.from_settings(dialect.non_defaults()) == dialect
    assert Dialect.from_settings(None) == DEFAULT_DIALECT


def test_the_number_format_does_not_affect_which_rows_are_read():
    assert Dialect(delimiter=";", decimal=",", thousands=".").parsing_options() == {"delimiter": ";"}
    assert Dialect(thousands="'").has_number_marks
    assert not Dialect(delimiter=";").has_number_marks


@pytest.mark.parametrize(
    ("start", "encoding"),
    [
        ("a".encode("utf-8-sig"), "utf-8-sig"),
        ("a".encode("utf-16"), "utf-16"),
        (b"\xfe\xff\x00a", "utf-16"),
        ("a".encode("utf-32"), "utf-32"),
        (b"a", None),
        (b"", None),
    ],
)
def test_a_byte_order_mark_identifies_the_encoding(start: bytes, encoding: str | None):
    assert encoding_from_mark(start) == encoding


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_without_a_mark_is_recognised_by_its_zero_bytes(encoding: str):
    assert guess_utf16("id,name\n1,x\n".encode(encoding)) == encoding
    assert guess_utf16(b"id,name\n1,x\n") is None


def test_duckdb_reads_ascii_and_utf8_directly():
    assert [is_utf8(name) for name in ("UTF8", "ascii", "utf-8-sig", "latin-1")] == [True, True, True, False]


def test_the_marks_of_columns_are_part_of_the_layout_of_excel_files():
    declared = TableSettings(
        source="a.xlsx", formats={"amount": {"decimal": ",", "thousands": "."}, "at": "%d.%m.%Y"}
    )
    assert declared.dialect.excel.decimals == (("amount", ","),)
    stored = json.loads(json.dumps(declared.dialect.non_defaults()))
    assert Dialect.from_settings(stored) == declared.dialect
    plain = TableSettings(source="a.xlsx", formats={"at": "%d.%m.%Y"})
    assert plain.dialect == Dialect()
