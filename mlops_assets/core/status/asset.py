"""The status of an asset as plain values: health, checks, freshness, partitions, last run."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Health = Literal["healthy", "warning", "failed", "overdue", "missing", "unknown"]
"""Health of an asset or a project.

`healthy`: materialized, all checks passed, within its freshness policy. `warning`: a check of severity WARN
failed, an older partition failed, or the freshness policy will fail soon. `failed`: the latest run or a check
of severity ERROR failed. `overdue`: older than its freshness policy permits. `missing`: never materialized.
`unknown`: the records can't be read.
"""
SEVERITY: tuple[Health, ...] = ("failed", "overdue", "unknown", "warning", "missing", "healthy")
"""From the worst to the best."""
CheckState = Literal["passed", "warned", "failed", "not_run"]
RunState = Literal["success", "failure", "canceled", "queued", "running"]


@dataclass(frozen=True)
class CheckStatus:
    """The latest result of an asset check; of a partitioned check, that of its newest partition.

    Attributes
    ----------
    state
        `warned`: failed with severity WARN. `failed`: failed with severity ERROR.
    failed_partitions
        All partitions whose latest result is not a success, of any severity.
    """

    name: str
    state: CheckState
    blocking: bool = False
    partition: str | None = None
    at: datetime | None = None
    description: str = ""
    failed_partitions: tuple[str, ...] = ()


@dataclass(frozen=True)
class RunStatus:
    """A Dagster run. `seconds` is its duration, so far if it has not ended."""

    run_id: str
    job: str
    state: RunState
    started_at: datetime | None = None
    ended_at: datetime | None = None
    seconds: float | None = None
    partition: str | None = None


@dataclass(frozen=True)
class FreshnessStatus:
    """The age of an asset against its freshness policy, computed from its last materialization.

    Attributes
    ----------
    policy
        The policy in words, such as `every 24 h`.
    due_at
        When the asset becomes overdue; None if it was never materialized.
    """

    state: Literal["fresh", "due soon", "overdue", "unknown"]
    policy: str
    due_at: datetime | None = None


@dataclass(frozen=True)
class PartitionStatus:
    """The partitions of an asset.

    Attributes
    ----------
    declared
        The number of partitions that exist by now.
    failed
        Partitions whose latest attempt failed.
    newest
        The newest materialized partition.
    """

    declared: int
    materialized: int
    failed: tuple[str, ...] = ()
    newest: str | None = None


@dataclass(frozen=True)
class AssetStatus:
    """An asset, its latest materialization and run, and its checks.

    Attributes
    ----------
    name
        Its name in the project, such as `features`.
    reason
        Why it is not healthy; empty if it is.
    rows
        Rows of the latest materialization, if it recorded them.
    """

    name: str
    health: Health
    reason: str = ""
    materialized_at: datetime | None = None
    rows: int | None = None
    freshness: FreshnessStatus | None = None
    partitions: PartitionStatus | None = None
    run: RunStatus | None = None
    checks: tuple[CheckStatus, ...] = ()
