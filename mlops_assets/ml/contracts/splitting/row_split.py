"""The split of raw rows: clean ones stream on in one pass, all others are set aside and examined closely.

Almost all rows of a table violate no rule and have a key of their own. One scan casts each row, and decides
whether it is such a clean row. The few others are read once more.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mlops_assets.core.names import BROKEN_RULES, PROVENANCE, ROW_ID, SOURCE_FILE, SOURCE_ROW
from mlops_assets.core.sql_quoting import literal, path_literal, quoted, quoted_list
from mlops_assets.ml.contracts.cast_rules import broken_sql, rules_sql, typed_sql
from mlops_assets.ml.contracts.columns import select_list, source_types
from mlops_assets.ml.contracts.contract import Contract
from mlops_assets.ml.contracts.duplicates import find_duplicates
from mlops_assets.ml.contracts.row_ids import bits_sql, row_id_sql, with_row_ids
from mlops_assets.ml.contracts.splitting.repeats import repeated_rows_sql
from mlops_assets.ml.contracts.splitting.row_rules import suspected_rows, violated_rules
from mlops_assets.ml.contracts.splitting.set_aside import PLACE, SUSPECT, SetAside
from mlops_assets.ml.query_batches import query_batches
from mlops_assets.ml.wide_queries import MANY_COLUMNS, in_groups

BATCH_ROWS = 65_536
_HELD_ROWS = 1_000_000
"""Up to this number, rows that were set aside are kept in a table instead of being read again."""
_PLACE_SCHEMA = pa.schema([(SOURCE_FILE, pa.string()), (SOURCE_ROW, pa.int64())])
_BROKEN_SCHEMA = pa.schema([*_PLACE_SCHEMA, ("rule", pa.string()), ("rank", pa.int64())])
_NUMBERS = count()


@dataclass
class RowSplit:
    """The split of raw rows into valid and quarantined ones.

    Attributes
    ----------
    raw
        The source's columns and their provenance.
    identity
        Columns that identify a row, for `row_id`.
    scratch
        A folder for files with places of rows and violated rules, which the relations read.
    before
        Name of a time column and its exclusive upper bound: rows from the future are quarantined.
    secret
        The key of `row_id`, if columns of the identity are sensitive.
    """

    connection: duckdb.DuckDBPyConnection
    raw: duckdb.DuckDBPyRelation
    contract: Contract
    identity: Sequence[str]
    scratch: Path
    before: tuple[str, datetime] | None = None
    secret: bytes | None = None
    _quarantine: duckdb.DuckDBPyRelation | None = field(default=None, init=False)
    _has_repeats: bool = field(default=False, init=False)
    """Whether rows were set aside because another row may have their unique values."""

    def valid(self) -> Iterator[duckdb.DuckDBPyRelation]:
        """The valid rows: the contract's columns, cast, the provenance, and `row_id`.

        Each relation must be read, completely and once, before the next one is asked for: the first one has
        the clean rows, and reading it finds the others.
        """
        file = self.scratch / "aside.parquet"
        with SetAside(self.connection, file, self._source_values()) as aside:
            yield self._clean(aside)
        if not aside.rows:
            self._quarantine = self.raw.project(f"*, null::varchar[] as {BROKEN_RULES}").limit(0)
            return
        places = self.connection.read_parquet(str(file))
        others = aside.held(self.connection)
        if others is None:
            others = self.raw.join(places.project(PLACE), PLACE, how="semi")
        if aside.rows <= _HELD_ROWS:
            others = self._held(others)
        suspects = others.join(places.filter(SUSPECT), PLACE, how="semi") if aside.suspects else None
        listed = self._violations(others, suspects)
        self._quarantine = others.join(listed, PLACE)
        if len(listed) < aside.rows:
            columns = f"{self.contract.cast_sql(source_types(others))}, {quoted_list(PROVENANCE)}"
            valid = self._held(others.join(listed, PLACE, how="anti").project(columns))
            yield with_row_ids(self.connection, valid, self.identity, self.scratch, self.secret)

    def quarantine(self) -> duckdb.DuckDBPyRelation:
        """The other rows: the raw columns, unchanged, and `_broken_rules`; after all of `valid` was read."""
        if self._quarantine is None:
            raise RuntimeError("read all valid rows first")
        return self._quarantine

    def _clean(self, aside: SetAside) -> duckdb.DuckDBPyRelation:
        """The rows that violate no rule and repeat no other; reading them sets the others aside."""
        contract, available = self.contract, source_types(self.raw)
        repeated = repeated_rows_sql(self.connection, self.raw, contract, self.identity, self.secret)
        self._has_repeats = bool(repeated)
        if len(contract.columns) > MANY_COLUMNS:
            typed, suspect = contract.cast_sql(available), self._suspects_by_group()
        else:
            typed = typed_sql(contract.columns, available)
            suspect = [f"{broken_sql(contract.columns, available)} or not ({contract.screen.sql})"]
        if self.before:
            suspect.append(_is_late_sql(quoted(self.before[0]), self.before[1]))
        if contract.screen.columns:
            suspect += self._suspects_of_python()
        names = quoted_list(contract.names)
        bits = bits_sql(self.identity, secret=self.secret)
        provenance = quoted_list(PROVENANCE)
        sources = "".join(
            f", {quoted(name)} as {source}" for name, (source, _) in self._source_values().items()
        )
        kept = "".join(f", {source}" for source, _ in self._source_values().values())
        return (
            self.raw.project(f"{typed}, {provenance}{sources}")
            .project(f"{names}, {provenance}, {bits} as _bits, {' or '.join(suspect)} as {SUSPECT}{kept}")
            .filter(aside.unless(" or ".join([SUSPECT, *repeated])))
            .project(f"{names}, {provenance}, {row_id_sql('_bits')} as {ROW_ID}")
        )

    def _source_values(self) -> dict[str, tuple[str, str]]:
        """The source's columns in `_clean`, which rows that are set aside keep; none of a wide table."""
        columns = dict(zip(self.raw.columns, self.raw.types, strict=True))
        if len(columns) > MANY_COLUMNS:
            return {}
        return {name: (quoted(f"raw {name}"), str(kind)) for name, kind in columns.items()}

    def _suspects_by_group(self) -> list[str]:
        """Conditions for rows that violate a rule of a column, each group of columns in a scan of its own.

        Each scan is one statement: relations bind the columns at each step.
        """
        screen, files, found = self.contract.screen, [], 0
        view, types = f"raw_rows_{next(_NUMBERS)}", source_types(self.raw)
        self.raw.create_view(view)
        for number, columns in enumerate(in_groups(self.contract.columns)):
            typed, broken = typed_sql(columns, types), broken_sql(columns, types)
            passed = screen.sql_of([column.name for column in columns])
            files.append(self.scratch / f"suspects_{number}.parquet")
            self.connection.execute(
                f"copy (select {PLACE} from (select {typed}, {PLACE} from {view}) "
                f"where {broken} or not ({passed})) to {path_literal(files[-1])} (format parquet)"
            )
            found += pq.read_metadata(files[-1]).num_rows
        self.connection.execute(f"drop view {view}")
        places = ", ".join(map(path_literal, files))
        places_of = f"({PLACE}) in (select ({PLACE}) from read_parquet([{places}]))"
        return [f"not ({screen.sql_of([''])})", *([places_of] if found else [])]

    def _suspects_of_python(self) -> list[str]:
        """Conditions for rows that fail a check written in Python; only columns of such checks are read."""
        screen = self.contract.screen
        columns = [column for column in self.contract.columns if column.name in screen.columns]
        typed = self.raw.project(f"{typed_sql(columns, source_types(self.raw))}, {PLACE}")
        suspect = f"{broken_sql(columns, source_types(self.raw))} or not ({screen.sql_of(screen.columns)})"
        marked = typed.project(f"{PLACE}, {suspect} as {SUSPECT}, {quoted_list(screen.columns)}")
        file = self.scratch / "suspects.parquet"
        found = 0
        with pq.ParquetWriter(file, _PLACE_SCHEMA) as writer:
            for batch in query_batches(marked.to_arrow_reader(BATCH_ROWS)):
                suspected = np.flatnonzero(suspected_rows(batch, SUSPECT, screen))
                places = batch.select([SOURCE_FILE, SOURCE_ROW]).take(pa.array(suspected))
                writer.write_batch(places.cast(_PLACE_SCHEMA))
                found += len(suspected)
        return [f"({PLACE}) in (select ({PLACE}) from read_parquet({path_literal(file)}))"] if found else []

    def _violations(
        self, others: duckdb.DuckDBPyRelation, suspects: duckdb.DuckDBPyRelation | None
    ) -> duckdb.DuckDBPyRelation:
        """The places of the rows that violate rules, and all these rules in their order."""
        file = self.scratch / "broken.parquet"
        # DuckDB plans the rules of thousands of columns for minutes: without suspects, nothing is planned.
        rules = None if suspects is None else self.connection.execute(self._rules_query(suspects))
        _write_broken_rows(rules.to_arrow_reader(BATCH_ROWS) if rules else None, self.contract, file)
        broken = self.connection.read_parquet(str(file))
        if self.contract.unique and self._has_repeats:
            broken = self._with_duplicates(others, broken)
        listed = broken.aggregate(f"{PLACE}, list(rule order by rank, rule) as {BROKEN_RULES}", PLACE)
        listed.write_parquet(str(self.scratch / "rules.parquet"))
        return self.connection.read_parquet(str(self.scratch / "rules.parquet"))

    def _rules_query(self, raw: duckdb.DuckDBPyRelation) -> str:
        """The contract's columns, cast, the rules that the cast violates, and the provenance.

        It is SQL and no relation, which DuckDB would plan once more for its columns.
        """
        rules = rules_sql(self.contract.columns, source_types(raw))
        if self.before:
            rules = f"list_concat({rules}, {_future_rule_sql(self.contract, *self.before)})"
        columns = self.contract.cast_sql(source_types(raw))
        selected = f"{columns}, {rules} as {BROKEN_RULES}, {quoted_list(PROVENANCE)}"
        return f"select {selected} from ({raw.sql_query()})"

    def _with_duplicates(
        self, others: duckdb.DuckDBPyRelation, broken: duckdb.DuckDBPyRelation
    ) -> duckdb.DuckDBPyRelation:
        """Add the rows that violate uniqueness; a row with the values of another one was set aside."""
        names = {name for names in self.contract.unique for name in names}
        columns = [column for column in self.contract.columns if column.name in names]
        typed = self._held(others.project(f"{select_list(columns, source_types(others))}, {PLACE}"))
        invalid = broken.project(PLACE).distinct()
        passed = typed.join(invalid, PLACE, how="anti").project("*, false as _broken")
        marked = passed.union(typed.join(invalid, PLACE, how="semi").project("*, true as _broken"))
        marked.create_view("marked", replace=True)
        return broken.union(find_duplicates(self.connection, self.contract, "marked", self.scratch))

    def _held(self, rows: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
        """Rows in a table of the connection, which are computed once and read several times."""
        table = f"held_{next(_NUMBERS)}"
        rows.create(table)
        return self.connection.table(table)


def _is_late_sql(time: str, end: datetime) -> str:
    return f"coalesce({time} >= timestamp {literal(end)}, false)"


def _future_rule_sql(contract: Contract, name: str, end: datetime) -> str:
    """A list with the rule that a row violates whose time is not before `end`."""
    rule = literal(f"{name}: before({end.isoformat(sep=' ')})")
    cast = next(column.cast_sql() for column in contract.columns if column.name == name)
    late = f"case when {_is_late_sql(cast, end)} then {rule} end"
    return f"list_filter([{late}]::varchar[], lambda rule: rule is not null)"


def _write_broken_rows(typed: pa.RecordBatchReader | None, contract: Contract, target: Path) -> None:
    """Write provenance and rule of every violation, ranked in the order of the rules."""
    with pq.ParquetWriter(target, _BROKEN_SCHEMA) as writer:
        for batch in query_batches(typed) if typed else ():
            rules = violated_rules(batch, contract)
            positions = [position for position, found in enumerate(rules) for _ in found]
            if positions:
                places = batch.select([SOURCE_FILE, SOURCE_ROW]).take(pa.array(positions))
                writer.write_table(
                    pa.table(
                        {
                            SOURCE_FILE: places.column(SOURCE_FILE),
                            SOURCE_ROW: places.column(SOURCE_ROW),
                            "rule": [rule for found in rules for rule in found],
                            "rank": [rank for found in rules for rank in range(len(found))],
                        },
                        schema=_BROKEN_SCHEMA,
                    )
                )
