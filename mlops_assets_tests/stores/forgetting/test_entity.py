"""Entities: keyed digests in Python and SQL, and which rows are theirs."""

import time

import duckdb
import pytest

from mlops_assets.core.errors import StoreError
from mlops_assets.stores.forgetting.entity import KEY_VARIABLE, Entity, Key, conditions

KEY = Key(b"0123456789abcdef")


def matched(entity: Entity, values: str, *, by_digest: bool = True) -> list[str]:
    known = Entity(entity.columns, entity.types, entity.digest) if by_digest else entity
    with duckdb.connect() as connection:
        rows = connection.sql(f"select * from (values {values}) t(id, other)")
        condition = known.condition(KEY, rows.columns)
        return [value for (value,) in rows.filter(condition).project("id::varchar").order("all").fetchall()]


@pytest.mark.parametrize("secret", [b"k", b"k" * 64, bytes(range(100))])
def test_the_digest_in_sql_is_hmac_sha256(secret):
    key, texts = Key(secret), ["", "C-00198", "o'neill", "Ø€🙂", "a\x1fb"]
    with duckdb.connect() as connection:
        digests = f"select {key.sql('unnest($1::varchar[])')}"
        found = [digest for (digest,) in connection.execute(digests, [texts]).fetchall()]
    assert found == [key.digest(text) for text in texts]


@pytest.mark.parametrize("by_digest", [True, False])
def test_spellings_of_a_number_are_one_entity_and_those_of_a_text_are_not(by_digest):
    number = Entity.of(KEY, ["id"], ["BIGINT"], ["7"])
    assert matched(number, "(' 007', 1), ('7', 2), ('70', 3), (null, 4), ('x', 5)", by_digest=by_digest) == [
        " 007",
        "7",
    ]
    assert matched(number, "(7.0, 1), (7.5, 2)", by_digest=by_digest) == ["7.0"]
    text = Entity.of(KEY, ["id"], ["VARCHAR"], ["7"])
    assert matched(text, "('007', 1), ('7 ', 2)", by_digest=by_digest) == ["7 "]


def test_all_columns_must_match_and_a_table_without_one_has_no_row():
    both = Entity.of(KEY, ["id", "other"], ["VARCHAR", "BIGINT"], ["o'neill", "1"])
    assert matched(both, "('o''neill', 1), ('o''neill', 2), ('x', 1)") == ["o'neill"]
    assert both.condition(KEY, ["id"]) is None
    assert conditions(KEY, [], ["id"]) is None
    assert both.condition(KEY, ["ID", "Other"]) is not None


@pytest.mark.parametrize(
    ("values", "message"), [([], "0 values were given"), (["  "], "the value of id is empty")]
)
def test_missing_values_are_errors(values, message):
    with pytest.raises(StoreError, match=message):
        Entity.of(KEY, ["id"], ["VARCHAR"], values)


def test_the_key_is_created_once_and_private_or_read_from_the_environment(tmp_path, monkeypatch):
    assert Key.of(tmp_path, create=False) is None
    created = Key.of(tmp_path, create=True)
    assert created == Key.of(tmp_path, create=True) != KEY
    assert (tmp_path / ".forgotten" / "key").stat().st_mode & 0o777 == 0o600
    monkeypatch.setenv(KEY_VARIABLE, "short")
    with pytest.raises(StoreError, match="less than 16 bytes"):
        Key.of(tmp_path, create=True)
    monkeypatch.setenv(KEY_VARIABLE, KEY.secret.decode())
    assert Key.of(tmp_path, create=True) == KEY


def test_an_id_that_is_a_time_is_the_same_in_every_time_zone_of_the_machine(monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    with duckdb.connect() as connection:
        (zone,) = connection.execute("select current_setting('TimeZone')").fetchone()
    found = Entity.of(KEY, ["id"], ["TIMESTAMP WITH TIME ZONE"], ["2024-01-01 09:00:00+09"])
    monkeypatch.undo()
    time.tzset()
    assert (zone, found.values) == ("Asia/Tokyo", ("2024-01-01 00:00:00+00",))


@pytest.mark.parametrize("by_digest", [True, False])
def test_a_composed_letter_is_the_same_as_its_parts_and_a_no_break_space_is_a_space(by_digest):
    composed = Entity.of(KEY, ["id"], ["VARCHAR"], ["Ren\u00e9"])
    spelled = "('Rene\u0301', 1), ('\u00a0Ren\u00e9 ', 2), ('Rene', 3)"
    assert len(matched(composed, spelled, by_digest=by_digest)) == 2
