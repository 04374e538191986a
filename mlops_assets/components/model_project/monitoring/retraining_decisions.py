"""The table of decisions to train or to keep the model: one row for each new decision."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mlops_assets.core import names
from mlops_assets.ml.monitoring.retraining_rules import Decision

if TYPE_CHECKING:
    import pyarrow as pa

    from mlops_assets.stores.warehouse.warehouse import Warehouse, WriteResult


@dataclass(frozen=True)
class RecordedDecision:
    """A row of the table.

    Attributes
    ----------
    number
        Its position, from 1.
    decision
        `train` or `keep`.
    trained_cutoff
        The newest cut-off that was trained then.
    champion
        The version of the champion then.
    """

    number: int
    decided_at: datetime
    decision: str
    cutoff: str | None
    rules: str
    reason: str
    evidence: str
    trained_cutoff: str | None
    champion: int | None

    @property
    def found(self) -> Mapping[str, Any]:
        """The evidence by rule."""
        evidence: Mapping[str, Any] = json.loads(self.evidence)
        return evidence

    def repeats(self, other: "RecordedDecision") -> bool:
        """Whether it decides the same by the same evidence."""
        return (self.decision, self.cutoff, self.reason, self.evidence) == (
            *(other.decision, other.cutoff, other.reason, other.evidence),
        )


def latest_decision(warehouse: "Warehouse", project: str) -> RecordedDecision | None:
    """The newest row; None before the first decision."""
    rows = _rows(warehouse, project)
    return RecordedDecision(**rows[-1]) if rows else None


def record_decision(
    warehouse: "Warehouse",
    project: str,
    decision: Decision,
    *,
    trained_cutoff: str | None,
    champion: int | None,
    dagster_run_id: str,
) -> "tuple[RecordedDecision, WriteResult]":
    """Append a decision, unless it repeats the newest one; the caller holds the turn of the table.

    Returns
    -------
    The newest row, and the result of the write.
    """
    rows = _rows(warehouse, project)
    before = RecordedDecision(**rows[-1]) if rows else None
    now = RecordedDecision(
        number=before.number + 1 if before else 1,
        decided_at=datetime.now(UTC),
        decision=decision.name,
        cutoff=decision.cutoff,
        rules=", ".join(decision.rules),
        reason=decision.reason,
        evidence=json.dumps(decision.evidence, allow_nan=False),
        trained_cutoff=trained_cutoff,
        champion=champion,
    )
    if before is not None and now.repeats(before):
        now = before
    else:
        rows = [*rows, vars(now)]
    with warehouse.connect() as connection:
        relation = connection.from_arrow(_table(rows))
        written = warehouse.write(_key(project), relation, dagster_run_id=dagster_run_id)
    return now, written


def _rows(warehouse: "Warehouse", project: str) -> list[dict[str, Any]]:
    if not warehouse.exists(_key(project)):
        return []
    with warehouse.connect() as connection:
        found = warehouse.relation(connection, _key(project)).order("number").to_arrow_table().to_pylist()
    # DuckDB stores it without a zone, in UTC.
    return [{**row, "decided_at": row["decided_at"].replace(tzinfo=UTC)} for row in found]


def _table(rows: list[dict[str, Any]]) -> "pa.Table":
    import pyarrow as pa

    text, number = pa.string(), pa.int64()
    schema = pa.schema(
        {
            "number": number,
            "decided_at": pa.timestamp("us"),
            "decision": text,
            "cutoff": text,
            "rules": text,
            "reason": text,
            "evidence": text,
            "trained_cutoff": text,
            "champion": number,
        }
    )
    plain = [{**row, "decided_at": row["decided_at"].replace(tzinfo=None)} for row in rows]
    return pa.Table.from_pylist(plain, schema)


def _key(project: str) -> list[str]:
    return names.project_asset(project, names.RETRAINING)
