"""The dialect of a CSV file is detected, and known settings are kept."""

import gzip
from pathlib import Path

import pytest

from mlops_assets.scaffolding.csv_detection import detect_dialect
from mlops_assets.stores.files.csv_dialect import Dialect

UMLAUTS = "id;straße\n1;Müllerstraße\n2;Jägerhof\n"


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        ("id,name\n1,a\n2,b\n", {}),
        ('"id";"name"\n1;"a; b"\n2;"c"\n', {"delimiter": ";"}),
        ("id\tname\n1\ta, b\n2\tc, d\n", {"delimiter": "\t"}),
        ("id|t\n1|a 'b' c\n2|it's\n3|x, y, z\n", {"delimiter": "|"}),
        ("id;price\n1;2,5\n2;3,5\n3;4,5\n", {"delimiter": ";"}),
        ("id,t\n1,'a, b'\n2,'c'\n", {"quote": "'"}),
        ("id,t\n" + "1,'a, it''s b'\n" * 9, {"quote": "'"}),
        ('id,t\n1,5" pipe\n2,3\n', {}),
        ('a,b\n1,"two\nlines"\n2,"x"\n', {}),
        ("Report, 2024\nAll regions\n\nid\tname\n1\tA\n2\tB\n", {"delimiter": "\t", "skip_lines": 3}),
        ("Report\nid,name,v\n1,A,2\n2,B,3\n", {"skip_lines": 1}),
        (",a,y\n0,1.5,x\n1,2.5,z\n", {}),
        ("id;v\n" + "1;2,5\n" * 20 + "1;2;3\n", {"delimiter": ";"}),
        ("only\n1\n2\n", {}),
        ("text\nhello world\nfoo bar, baz\nmore; things\n", {}),
        ("a,b\n", {}),
        ("", {}),
    ],
)
def test_the_layout_is_that_of_equally_long_rows(tmp_path: Path, text: str, settings: dict):
    path = tmp_path / "rows.csv"
    path.write_text(text, "utf-8")
    assert detect_dialect([path]).non_defaults() == settings


@pytest.mark.parametrize(
    ("written", "declared"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8"),
        ("utf-16", "utf-8"),
        ("utf-16-le", "utf-16-le"),
        ("cp1252", "cp1252"),
        ("latin-1", "cp1252"),
    ],
)
def test_the_encoding_is_detected_unless_a_byte_order_mark_states_it(
    tmp_path: Path, written: str, declared: str
):
    path = tmp_path / "rows.csv"
    path.write_text(UMLAUTS, written)
    found = detect_dialect([path])
    assert (found.encoding, found.delimiter) == (declared, ";")


def test_japanese_text_is_detected(tmp_path: Path):
    path = tmp_path / "rows.csv"
    path.write_text("番号,名前\n" + "1,東京都千代田区\n2,大阪市中央区\n" * 20, "cp932")
    assert detect_dialect([path]).encoding == "cp932"


def test_a_byte_that_is_not_utf8_is_found_in_any_file_and_anywhere(tmp_path: Path):
    plain, late = tmp_path / "a.csv", tmp_path / "b.csv.gz"
    plain.write_text("id;name\n1;a\n", "utf-8")
    late.write_bytes(gzip.compress(b"id;name\n" + b"1;abcdefgh\n" * 200_000 + "2;Jäger\n".encode("cp1252")))
    assert detect_dialect([plain, late]).encoding == "cp1252"


def test_known_settings_are_kept(tmp_path: Path):
    path = tmp_path / "rows.csv"
    path.write_text("# x\nid;name\n1;a|b\n2;c|d\n", "utf-8")
    known = Dialect(delimiter="|", nulls=("-",), encoding="latin-1")
    assert detect_dialect([path], known).delimiter == "|"
    assert detect_dialect([path], known).encoding == "latin-1"
    assert detect_dialect([path], known).nulls == ("-",)
    assert detect_dialect([path], Dialect(skip_lines=1)).non_defaults() == {"delimiter": ";", "skip_lines": 1}
