"""What earlier evaluations have seen: the last result of each check, and how far events were read."""

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from mlops_assets.stores.alerts.incidents import IncidentStore


@dataclass(frozen=True)
class CheckResult:
    """The last evaluation of a check in a partition.

    Attributes
    ----------
    asset
        The asset, such as `churn/features`.
    partition
        Empty without partitions.
    number
        Number of the evaluation: a later one is greater.
    severity
        `WARN` or `ERROR`.
    """

    asset: str
    name: str
    partition: str
    number: int
    passed: bool
    blocking: bool
    severity: str
    detail: str
    run_id: str | None


class Observations:
    """What earlier evaluations of a project have seen."""

    def __init__(self, store: IncidentStore, project: str) -> None:
        self.store, self.project = store, project

    def position(self, name: str) -> Any:
        """Return how far events of a name were read; None before the first time."""
        with self.store.connect() as connection:
            row = connection.execute(
                "select value from positions where project = ? and name = ?", (self.project, name)
            ).fetchone()
        return json.loads(row["value"]) if row else None

    def add(self, results: Iterable[CheckResult], position: Any) -> None:
        """Record new results and the position after them; of those that passed, only the newest partition."""
        with self.store.connect() as connection:
            connection.executemany(
                "insert into evaluations values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) on conflict do update set "
                "number = excluded.number, passed = excluded.passed, blocking = excluded.blocking, "
                "severity = excluded.severity, detail = excluded.detail, run_id = excluded.run_id "
                "where excluded.number >= number",
                [(self.project, *vars(result).values()) for result in results],
            )
            connection.execute(
                "delete from evaluations where project = ? and passed and exists (select 1 from evaluations "
                "as later where later.project = evaluations.project and later.asset = evaluations.asset "
                "and later.name = evaluations.name and later.partition > evaluations.partition)",
                (self.project,),
            )
            connection.execute(
                "insert or replace into positions values (?, 'checks', ?)",
                (self.project, json.dumps(position)),
            )

    def results(self, checks: Collection[tuple[str, str]]) -> list[CheckResult]:
        """Return the known results of the checks, given as asset and name; those of others are removed."""
        with self.store.connect() as connection:
            rows = connection.execute(
                "select * from evaluations where project = ? order by asset, name, partition", (self.project,)
            ).fetchall()
            unknown = {(row["asset"], row["name"]) for row in rows} - set(checks)
            connection.executemany(
                "delete from evaluations where project = ? and asset = ? and name = ?",
                [(self.project, *one) for one in unknown],
            )
        fields = CheckResult.__dataclass_fields__
        return [
            CheckResult(**{name: row[name] for name in fields})
            for row in rows
            if (row["asset"], row["name"]) not in unknown
        ]
