"""The ID in files and databases: replaced where nothing depends on it, reported elsewhere."""

import gzip
import html
import json
import sqlite3
from contextlib import closing
from urllib.parse import quote
from zipfile import ZIP_DEFLATED, ZipFile

import duckdb
import pytest

from mlops_assets.core.errors import StoreError
from mlops_assets.core.text.compact_text import compact, expanded
from mlops_assets.stores.forgetting import texts
from mlops_assets.stores.forgetting.texts import TextSearch

ID = "C-00198"


def database(state):
    path = state / "dagster" / "events.db"
    path.parent.mkdir(parents=True)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("create table events (id integer primary key, event text)")
        connection.execute("create table named (name text primary key) without rowid")
        texts = [f'{{"message": "row of {ID} is late"}}', "C-001980", "other"]
        connection.executemany("insert into events (event) values (?)", [(text,) for text in texts])
    return path


def test_texts_and_databases_lose_the_id_and_files_with_digests_keep_it(tmp_path):
    events = database(tmp_path)
    files = {
        "reports/page.html": f"<td>{ID}</td><td>{ID}0</td>",
        "sql_history": f"select * from t where id = '{ID}'",
        "mlflow/artifacts/model/manifest.json": "{}",
        "mlflow/artifacts/model/data.json": f'["{ID}"]',
        "mlflow/artifacts/run/code/features.sql": f"-- {ID}",
        "other.txt": "nothing",
        "warehouse/shop/x.parquet": ID,
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    with duckdb.connect() as connection:
        connection.sql(f"select '{ID}' as id").write_parquet(str(tmp_path / "out_of_fold.parquet"))

    with ZipFile(tmp_path / "mlflow/artifacts/model/pipeline.skops", "w", ZIP_DEFLATED) as archive:
        archive.writestr("schema.json", f'["{ID}", "{ID}"]')

    search = TextSearch(tmp_path, ID)
    found = {str(one.path.relative_to(tmp_path)): one for one in search.places(replace=False)}
    assert {one.outcome for one in found.values()} == {"found"}
    assert f"of {ID} is".encode() in events.read_bytes()
    done = {str(one.path.relative_to(tmp_path)): one.outcome for one in search.places(replace=True)}
    model, code = "mlflow/artifacts/model/data.json", "mlflow/artifacts/run/code/features.sql"
    kept = [model, code, "out_of_fold.parquet", "mlflow/artifacts/model/pipeline.skops"]
    assert done == {
        **dict.fromkeys(kept, "kept"),
        **dict.fromkeys(["dagster/events.db", "reports/page.html", "sql_history"], "replaced"),
    }
    assert (tmp_path / "reports/page.html").read_text("utf-8") == f"<td>[forgotten]</td><td>{ID}0</td>"
    assert f"of {ID} is".encode() not in events.read_bytes()
    with closing(sqlite3.connect(events)) as connection:
        texts = [text for (text,) in connection.execute("select event from events order by id")]
    assert texts == ['{"message": "row of [forgotten] is late"}', "C-001980", "other"]
    assert {one.outcome for one in search.places(replace=True)} == {"kept"}


def test_compressed_events_lose_the_id_and_other_bytes_are_left(tmp_path):
    events, long = database(tmp_path), f"row of {ID}, then {'others ' * 100}"
    stored = [(compact(long),), (b"zlib\0" + ID.encode(),), (ID.encode(),)]
    with closing(sqlite3.connect(events)) as connection, connection:
        connection.executemany("insert into events (event) values (?)", stored)
    [place] = TextSearch(tmp_path, ID).places(replace=True)
    assert (place.count, place.outcome) == (2, "replaced")
    with closing(sqlite3.connect(events)) as connection:
        left = connection.execute("select event from events order by id limit -1 offset 3").fetchall()
    assert expanded(left[0][0]) == long.replace(ID, "[forgotten]")
    assert left[1:] == stored[1:]


@pytest.mark.parametrize(("value", "outcomes"), [("12345", ["kept"]), ("C1", [])])
def test_numbers_are_reported_and_short_ids_are_not_searched(tmp_path, value, outcomes):
    (tmp_path / "page.html").write_text(f"{value} rows of C1", "utf-8")
    search = TextSearch(tmp_path, value)
    assert [one.outcome for one in search.places(replace=True)] == outcomes
    assert bool(search.skipped) == (not outcomes)
    assert (tmp_path / "page.html").read_text("utf-8") == f"{value} rows of C1"


@pytest.mark.parametrize(
    "value", ["C00198", "m\u00fcller+x@example.org", "o'brien/7 <a>", "\u674e\u5c0f\u9f99\u738b\u4e94"]
)
def test_an_id_is_found_as_programs_escape_it(tmp_path, value):
    text = f"row of\n{value} is late"
    forms = [
        text,
        json.dumps(text),
        json.dumps(json.dumps(text)),
        html.escape(text),
        quote(text),
        ascii(text),
    ]
    for number, form in enumerate(forms):
        (tmp_path / f"{number}.txt").write_text(form, "utf-8")
    events = database(tmp_path)
    with closing(sqlite3.connect(events)) as connection, connection:
        connection.execute("insert into events (event) values (?)", (json.dumps(text),))
    replaced = {one.path.name: one.outcome for one in TextSearch(tmp_path, value).places(replace=True)}
    assert replaced == dict.fromkeys(
        [*(f"{number}.txt" for number in range(len(forms))), "events.db"], "replaced"
    )
    assert json.loads((tmp_path / "1.txt").read_text("utf-8")) == "row of\n[forgotten] is late"


def test_files_that_cannot_be_read_are_reported_and_the_others_are_searched(tmp_path):
    (tmp_path / "events.db").write_bytes(b"SQLite format 3\0" + b"x" * 400)
    (tmp_path / "left.parquet").write_bytes(b"PAR1" + b"x" * 400)
    (tmp_path / "log.gz").write_bytes(gzip.compress(ID.encode())[:-9])
    (tmp_path / "old.gz").write_bytes(gzip.compress(ID.encode()))
    (tmp_path / "text.txt").write_text(ID, "utf-8")
    places = {one.path.name: one for one in TextSearch(tmp_path, ID).places(replace=True)}
    assert {name: (one.count, one.outcome) for name, one in places.items()} == {
        **dict.fromkeys(["events.db", "left.parquet", "log.gz"], (0, "kept")),
        "old.gz": (1, "kept"),
        "text.txt": (1, "replaced"),
    }
    assert "whether it has the ID is unknown" in str(places["events.db"])
    assert "it can't be read" in places["left.parquet"].reason


def test_a_database_that_another_program_writes_is_an_error_with_advice(tmp_path, monkeypatch):
    monkeypatch.setattr(texts, "_BUSY_SECONDS", 0)
    events = database(tmp_path)
    with closing(sqlite3.connect(events, isolation_level=None)) as writer:
        writer.execute("begin exclusive")
        with pytest.raises(StoreError, match=r"events.db is in use by another process.*\n  hint: stop"):
            list(TextSearch(tmp_path, ID).places(replace=True))
