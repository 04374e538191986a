"""Sources of every kind are loaded, and files that differ are named."""

import gzip
import json
import re
import sqlite3
from pathlib import Path

import pytest

from mlops_assets.core.errors import DataError, ProjectError
from mlops_assets.scaffolding.loading.rows import Query, source_of
from mlops_assets.scaffolding.source_profile import SourceProfile, profile_source


def profiled(source: Path | Query, root: Path = Path()) -> SourceProfile:
    return profile_source(source, root=root, subject="shop")


def types(profile: SourceProfile) -> dict[str, str]:
    return {column.name: column.sql_type for column in profile.columns}


@pytest.mark.parametrize(
    ("name", "delimiter"), [("a.tsv", "\t"), ("a.tab", "\t"), ("a.txt", "|"), ("a.tsv.gz", "\t")]
)
def test_texts_with_other_suffixes_are_csv(tmp_path, name, delimiter):
    text = "".join(f"{n}{delimiter}x\n" for n in ("id", *range(9))).encode()
    (tmp_path / name).write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    found = profiled(tmp_path / name)
    assert (found.dialect.delimiter, types(found)) == (delimiter, {"id": "BIGINT", "x": "VARCHAR"})


@pytest.mark.parametrize("suffix", ["json", "jsonl", "ndjson"])
def test_nested_json_is_named_with_sql_that_reads_it(tmp_path, suffix):
    rows = [{"id": n, "owner": {"city": "Ulm", "age": n}, "tags": ["a"]} for n in range(9)]
    text = json.dumps(rows) if suffix == "json" else "".join(f"{json.dumps(row)}\n" for row in rows)
    (tmp_path / f"a.{suffix}").write_text(text, "utf-8")
    found = profiled(tmp_path / f"a.{suffix}")
    assert types(found) == {"id": "BIGINT", "owner": "VARCHAR", "tags": "VARCHAR"}
    assert tuple(found.hints.values()) == (
        "owner has JSON objects with city, age; read a part in features.sql, such as "
        'json_extract_string("owner", \'$."city"\')',
        'tags has JSON lists; read a part in features.sql, such as json_array_length("tags")',
    )


def test_parts_of_json_are_profiled_by_the_types_of_their_values(tmp_path):
    rows = [
        {
            "id": n,
            "owner": {"id": n, "age": n if n % 2 else n / 2, "ok": n > 3, "tags": ["a"] * n, "x": {"y": 1}},
            "owner_id": "taken",
            "mixed": {"a": n if n % 2 else "text", "empty": None},
        }
        for n in range(9)
    ]
    (tmp_path / "a.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
    parts = {part.name: part.profile for part in profiled(tmp_path / "a.jsonl").parts}
    assert {name: part.sql_type for name, part in parts.items()} == {
        "owner_id_2": "BIGINT",
        "owner_age": "DOUBLE",
        "owner_ok": "BOOLEAN",
        "owner_tags_length": "BIGINT",
    }
    assert parts["owner_id_2"].is_key is False
    assert (parts["owner_tags_length"].least, parts["owner_tags_length"].greatest) == ("0", "8")
    assert parts["owner_ok"].values == {"false": 4, "true": 5}


def test_columns_and_types_that_differ_between_files_are_named(tmp_path):
    (tmp_path / "a.csv").write_text("x,y,z\n" + "1,2,3\n" * 9, "utf-8")
    (tmp_path / "b.csv").write_text("x,y\n" + "1,2\n" * 8 + "soon,2\n", "utf-8")
    (tmp_path / "c.csv").write_text("x,y\n", "utf-8")
    found = profiled(tmp_path / "*.csv")
    assert types(found) == {"x": "VARCHAR", "y": "BIGINT", "z": "BIGINT"}
    assert found.doubts[0] == (
        "2 of 3 files have no column z, for example b.csv, c.csv; their rows have no value"
    )
    assert found.doubts[-1] == (
        "x is a number in a.csv, and text such as 'soon' in b.csv; it is drafted as text"
    )


@pytest.mark.parametrize(
    ("one", "other", "message"),
    [
        (b"a,b\n1,x\n2,y\n", b"a;b\n1;x\n2;y\n", "a.csv has delimiter ',', and b.csv delimiter ';'"),
        (b"a,b\n1,x\n2,y\n", b"Report\na,b\n1,x\n2,y\n", "a.csv has skip_lines 0, and b.csv skip_lines 1"),
        (
            "a,b\n1,Straße\n2,Müller für Jäger\n".encode("cp1252"),
            "a,b\n1,é\n".encode(),
            "a.csv has encoding 'cp1252', and b.csv encoding 'utf-8'",
        ),
    ],
)
def test_files_in_different_formats_are_an_error(tmp_path, record_property, one, other, message):
    (tmp_path / "a.csv").write_bytes(one)
    (tmp_path / "b.csv").write_bytes(other)
    with pytest.raises(DataError, match=re.escape(message)) as caught:
        profiled(tmp_path)
    record_property("message", str(caught.value))


def test_files_without_letters_beyond_ascii_fit_every_encoding(tmp_path):
    (tmp_path / "a.csv").write_bytes("a,b\n1,Straße\n2,Müller für Jäger\n".encode("cp1252"))
    (tmp_path / "b.csv").write_bytes(b"a,b\n1,x\n")
    assert profiled(tmp_path).dialect.encoding == "cp1252"


@pytest.mark.parametrize("sql", ["contracts", "select * from contracts;"])
def test_a_query_or_a_table_of_a_database_is_profiled(tmp_path, sql):
    with sqlite3.connect(tmp_path / "bank.db") as bank:
        bank.execute("create table contracts (number integer, income real, outcome text)")
        bank.executemany("insert into contracts values (?, ?, ?)", [(n, n / 3, "paid") for n in range(9)])
    query = Query(sql, "sqlite:///bank.db")
    assert query.statement == "select * from contracts"
    assert types(profiled(query, tmp_path)) == {"number": "BIGINT", "income": "DOUBLE", "outcome": "VARCHAR"}


@pytest.mark.parametrize(
    ("data", "sql", "database", "message"),
    [
        (None, "orders", None, "--connection is missing"),
        (None, None, "CRM_URL", "--query is missing"),
        ("a.csv", "orders", "CRM_URL", "--data and --query are both set"),
        (None, "orders", "postgresql://me:hunter2@host/crm", "--connection is a URL, which would be written"),
    ],
)
def test_invalid_options_of_a_query_are_an_error(record_property, data, sql, database, message):
    with pytest.raises(ProjectError, match=message) as caught:
        source_of("shop", Path(data) if data else None, sql, database)
    assert "hunter2" not in str(caught.value)
    record_property("message", str(caught.value))
