"""validated_<table> and quarantine_<table>: every raw row is in exactly one of the two."""

import difflib
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import dagster as dg

from mlops_assets.components.model_project.automation.conditions import follows_its_inputs
from mlops_assets.components.model_project.project.declared_tables import declared_contract
from mlops_assets.components.model_project.project.failures import as_dagster_failures
from mlops_assets.components.model_project.project.files import SCHEMA
from mlops_assets.components.model_project.project.metadata import markdown_table, table_metadata
from mlops_assets.components.model_project.project.partitions import (
    arrival_partitions,
    one_by_one,
    partition_of,
)
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.components.resources import WarehouseResource
from mlops_assets.core import names
from mlops_assets.core.errors import DataError

if TYPE_CHECKING:
    import duckdb

    from mlops_assets.ml.contracts.contract import Contract
    from mlops_assets.stores.warehouse.warehouse import Warehouse

REJECTED_SHARE = "rejected_share"
EVERY_ROW_ACCOUNTED_FOR = "every_row_accounted_for"


def validated_asset(project: Project, table: str) -> dg.AssetsDefinition:
    """The contract step of a table as one multi-asset with its two checks."""
    settings = project.settings.tables[table]
    raw_key = project.table_key(names.RAW, table)
    partitions = arrival_partitions(project) if table in project.event_tables else None
    code = [
        "validated 2",
        project.files.version(SCHEMA),
        repr(settings.key),
        project.settings.target.column,
        repr(settings.max_rejected_share),
        *([settings.time] if settings.time else []),
        *([repr((settings.csv.decimal, settings.csv.thousands))] if settings.csv.dialect.has_marks else []),
    ]
    validated = project.spec(
        project.table_key(names.VALIDATED, table),
        description="The rows that keep the contract in `schema.py`, typed, each with its `row_id`.",
        kinds=["duckdb", "pandera", "deltalake"],
        deps=[raw_key],
        code=code,
        partitions=partitions,
        automation=follows_its_inputs(project),
    )
    quarantine = project.spec(
        project.table_key(names.QUARANTINE, table),
        description="The rows that break the contract, with their values as they came and every broken rule.",
        kinds=["duckdb", "pandera", "deltalake"],
        deps=[raw_key],
        code=code,
        partitions=partitions,
        automation=follows_its_inputs(project),
    )
    checks = [
        dg.AssetCheckSpec(
            REJECTED_SHARE,
            asset=validated.key,
            blocking=True,
            description=f"At most {settings.max_rejected_share:.1%} of the raw rows break the contract.",
            partitions_def=partitions,
        ),
        dg.AssetCheckSpec(
            EVERY_ROW_ACCOUNTED_FOR,
            asset=validated.key,
            blocking=True,
            description="Raw rows are as many as validated and quarantined ones together.",
            partitions_def=partitions,
        ),
    ]

    @dg.multi_asset(
        specs=[validated, quarantine],
        check_specs=checks,
        name=names.op_name(*validated.key.path),
        backfill_policy=one_by_one(partitions),
    )
    def contract(
        context: dg.AssetExecutionContext, warehouse: WarehouseResource
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        from mlops_assets.ml.contracts.decimal_comma_hint import comma_hint
        from mlops_assets.ml.contracts.row_ids import translated_identity_errors
        from mlops_assets.ml.contracts.validation import validate

        store, partition = warehouse.store, partition_of(context)
        with (
            as_dagster_failures(project.name),
            store.turn(validated.key.path, partition),
            store.connect() as connection,
            TemporaryDirectory() as scratch,
            translated_identity_errors(project.subject(table)),
        ):
            declared = declared_contract(project, table)
            version = store.version(raw_key.path)
            raw = store.relation(connection, raw_key.path, partition=partition, version=version)
            raw = raw.project(f"* exclude ({names.PARTITION})") if partition else raw
            made_of = {(raw_key, partition): store.digest(raw_key.path, partition=partition, version=version)}
            raw_rows = _refuse_unusable(project.subject(table), declared, raw, partition)
            identity = settings.key or sorted(set(declared.names) - {project.settings.target.column})
            before = None
            if partition and settings.time:
                before = settings.time, project.time.periods.end_of(partition)
            good, bad = validate(
                connection, raw, declared, identity=identity, scratch=Path(scratch), before=before
            )
            results = {}
            for spec, relation in ((validated, good), (quarantine, bad)):
                result = store.write(
                    spec.key.path,
                    relation,
                    partition=partition,
                    dagster_run_id=context.run.run_id,
                    inputs={"/".join(raw_key.path): version},
                )
                results[spec.key] = result
                descriptions = {column.name: column.description for column in declared.columns}
                extra = _rule_counts(bad) if spec is quarantine else {}
                yield dg.MaterializeResult(
                    asset_key=spec.key,
                    data_version=dg.DataVersion(result.digest),
                    metadata={
                        **table_metadata(
                            result,
                            descriptions=descriptions,
                            inputs=made_of,
                        ),
                        **extra,
                    },
                )
            kept, rejected = results[validated.key].rows, results[quarantine.key].rows
            share = rejected / raw_rows if raw_rows else 0.0
            yield _accounting(raw_rows, kept, rejected, validated.key)
            checked = _share(share, settings.max_rejected_share, rejected, raw_rows, validated.key)
            if not checked.passed and (hint := comma_hint(declared.columns, bad)):
                checked = checked._replace(description=f"{checked.description}; {hint}")
            yield checked

    return contract


def require_unblocked(
    project: Project, store: "Warehouse", table: str, periods: Collection[str | None]
) -> None:
    """Whatever made them, and whoever asks: rows that failed the check are not built upon.

    Parameters
    ----------
    periods
        The partitions that are built upon; None for a table without.

    Raises
    ------
    DataError
        When more rows of one of them break the contract than may.
    """
    limit = project.settings.tables[table].max_rejected_share
    if not store.exists(project.table_key(names.QUARANTINE, table).path):
        return
    kept, rejected = (
        store.row_counts(project.table_key(layer, table).path)
        for layer in (names.VALIDATED, names.QUARANTINE)
    )
    for period in sorted(periods, key=str):
        bad = rejected.get(period, 0)
        total = kept.get(period, 0) + bad
        if total and bad / total > limit:
            of = f" of {period}" if period else ""
            raise DataError(
                f"{project.subject(table)}: {bad:,} of {total:,} rows{of} ({bad / total:.1%}) break the "
                f"contract, and {limit:.1%} may; nothing is made of them",
                hint="mend the source, or change the contract; what was made before stays as it was",
            )


def _refuse_unusable(
    subject: str, declared: "Contract", raw: "duckdb.DuckDBPyRelation", partition: str | None
) -> int:
    """The number of raw rows, after rows and columns were found to be there; a partition may be empty."""
    if missing := declared.missing(raw.columns):
        there = [name for name in raw.columns if name not in names.PROVENANCE]
        meant = _meant(missing, [name for name in there if name not in declared.names])
        raise DataError(
            f"{subject}: the source lacks the columns {', '.join(missing)}; it has {', '.join(there)}"
            + (f". Did you mean {meant}?" if meant else ""),
            hint="rename the source's columns, or change schema.py; what was validated before stays",
        )
    rows = int(raw.count("*").fetchall()[0][0])
    if not rows and not partition:
        raise DataError(f"{subject}: the source has no rows", hint="look at what wrote the file")
    return rows


def _meant(missing: Sequence[str], others: Sequence[str]) -> str:
    """Columns of the source that may be the missing ones by another name."""
    spelled = {name.lower(): name for name in others}
    pairs = ((name, difflib.get_close_matches(name.lower(), spelled, n=1)) for name in missing)
    return ", ".join(f"{spelled[near[0]]} for {name}" for name, near in pairs if near)


def _accounting(raw: int, kept: int, rejected: int, key: dg.AssetKey) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=EVERY_ROW_ACCOUNTED_FOR,
        asset_key=key,
        passed=raw == kept + rejected,
        description=f"{raw:,} raw rows = {kept:,} validated + {rejected:,} quarantined",
        metadata={"raw": raw, "validated": kept, "quarantined": rejected},
    )


def _share(share: float, limit: float, rejected: int, raw: int, key: dg.AssetKey) -> dg.AssetCheckResult:
    passed = share <= limit
    advice = "" if passed else "; look at the quarantine table, then mend the source or change the contract"
    return dg.AssetCheckResult(
        check_name=REJECTED_SHARE,
        asset_key=key,
        passed=passed,
        description=f"{rejected:,} of {raw:,} rows ({share:.2%}) break the contract, {limit:.2%} may{advice}",
        metadata={"rejected_share": share, "limit": limit},
    )


def _rule_counts(bad: "duckdb.DuckDBPyRelation") -> dict[str, Any]:
    """How often each rule was broken, most often first."""
    rules = bad.project(f"unnest({names.BROKEN_RULES}) as rule")
    counts = rules.aggregate("rule, count(*) as n", "rule").order("n desc, rule").limit(50).fetchall()
    return {"broken_rules": markdown_table(["rule", "rows"], counts)} if counts else {}
