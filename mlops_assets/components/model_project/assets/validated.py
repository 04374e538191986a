"""validated_<table> and quarantine_<table>: each raw row is in exactly one of the two."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import dagster as dg

from mlops_assets.components.model_project.automation.conditions import follows_its_inputs
from mlops_assets.components.model_project.lineage.column_lineage import ColumnLineage, copied_columns
from mlops_assets.components.model_project.project.declared_tables import declared_contract
from mlops_assets.components.model_project.project.failures import as_dagster_failures
from mlops_assets.components.model_project.project.metadata import materialized, table_metadata
from mlops_assets.components.model_project.project.partitions import (
    one_by_one,
    partition_of,
    table_partitions,
)
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.components.model_project.project.target_columns import expression_code, identity_columns
from mlops_assets.components.model_project.queries.added_rows import (
    StepInput,
    added_input,
    added_or_all,
    record_step,
)
from mlops_assets.components.model_project.queries.broken_rules import describe_rules, rule_counts
from mlops_assets.components.model_project.training.row_weights import weight_code
from mlops_assets.components.resources import WarehouseResource
from mlops_assets.core import names
from mlops_assets.core.digests import keyed_digest
from mlops_assets.core.errors import DataError
from mlops_assets.core.text.suggestions import closest_name
from mlops_assets.ml.contracts.time_sql import UTC_ZONE
from mlops_assets.stores.project_folder.files import SCHEMA

if TYPE_CHECKING:
    from mlops_assets.ml.contracts.contract import Contract

REJECTED_SHARE = "rejected_share"
EVERY_ROW_ACCOUNTED_FOR = "every_row_accounted_for"


def validated_asset(project: Project, table: str) -> dg.AssetsDefinition:
    """The multi-asset that applies the contract of a table, with its checks."""
    settings = project.read_tables[table]
    raw_key = project.table_key(names.RAW, table)
    partitions = table_partitions(project, table)
    identified_by_values = project.timeline is None and not settings.key
    code = [
        "validated 5",
        project.files.version(SCHEMA),
        repr(settings.key),
        project.settings.target.column,
        repr(settings.max_rejected_share),
        *([*weight_code(project), *expression_code(project)] if identified_by_values else []),
        *([settings.time] if settings.time else []),
        *([f"split by {project.settings.split.column}"] if project.settings.split.column else []),
        *([repr(settings.clock)] if settings.time_zone != UTC_ZONE else []),
        *([repr(settings.column_formats)] if settings.formats else []),
        *([f"sensitive {sorted(project.sensitive)}"] if project.sensitive else []),
        *(
            [repr((settings.csv.decimal, settings.csv.thousands))]
            if settings.csv.dialect.has_number_marks
            else []
        ),
    ]
    validated = project.spec(
        project.table_key(names.VALIDATED, table),
        description="Rows that satisfy the contract in `schema.py`, typed, each with a `row_id`.",
        kinds=["duckdb", "pandera", "deltalake"],
        deps=[raw_key],
        code=code,
        partitions=partitions,
        automation=follows_its_inputs(project),
    )
    quarantine = project.spec(
        project.table_key(names.QUARANTINE, table),
        description="Rows that violate the contract, with their original values and all violated rules.",
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
            description=f"At most {settings.max_rejected_share:.1%} of the raw rows violate the contract.",
            partitions_def=partitions,
        ),
        dg.AssetCheckSpec(
            EVERY_ROW_ACCOUNTED_FOR,
            asset=validated.key,
            blocking=True,
            description="The number of raw rows is the sum of validated and quarantined rows.",
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
        from mlops_assets.ml.contracts.splitting.earlier_rows import repeat_earlier_rows
        from mlops_assets.ml.contracts.splitting.row_split import RowSplit
        from mlops_assets.stores.delta.kept_content import AllRowsNeededError
        from mlops_assets.stores.system.row_id_key import row_id_key
        from mlops_assets.stores.warehouse.step_record import StepRecord, step_code

        store, partition = warehouse.store, partition_of(context)
        with (
            as_dagster_failures(project.name, project.sensitive),
            store.turn(validated.key.path, partition),
            store.shared_connection() as connection,
            TemporaryDirectory() as scratch,
            translated_identity_errors(project.subject(table)),
        ):
            declared = declared_contract(project, table)
            version = store.version(raw_key.path)
            raw = store.relation(connection, raw_key.path, partition=partition, version=version)
            raw = raw.project(f"* exclude ({names.PARTITION})") if partition else raw
            inputs = {(raw_key, partition): store.digest(raw_key.path, partition=partition, version=version)}
            raw_rows = store.row_counts(raw_key.path, version=version).get(partition, 0)
            _require_usable(project.subject(table), declared, raw.columns, raw_rows, partition)
            identity = identity_columns(project, table, declared.names)
            before = None
            if partition and settings.time:
                before = settings.time, project.time.periods.end_of(partition)
            secret = row_id_key(store.root) if project.sensitive & set(identity) else None
            record_code = step_code(str(validated.code_version), _fingerprint(secret))

            def added() -> StepInput:
                last = StepRecord.last(store, validated.key.path, record_code)
                found = added_input(
                    *(connection, store, last, raw_key, version), [validated.key, quarantine.key]
                )
                valid, invalid = (
                    store.relation(connection, spec.key.path) for spec in (validated, quarantine)
                )
                if repeat_earlier_rows(connection, found.rows, valid, invalid, declared, identity, secret):
                    raise AllRowsNeededError("new rows have the key or unique values of earlier ones")
                return found

            everything = StepInput(raw)
            step = (
                everything if partition else added_or_all(context, validated.key, added, lambda: everything)
            )
            split = RowSplit(
                connection,
                step.rows,
                declared,
                identity=identity,
                scratch=Path(scratch),
                before=before,
                secret=secret,
            )
            results = {}
            for spec, rows in ((validated, split.valid), (quarantine, split.quarantine)):
                result = store.write(
                    spec.key.path,
                    rows(),
                    partition=partition,
                    dagster_run_id=context.run.run_id,
                    inputs={"/".join(raw_key.path): version},
                    conflicts_as_text=spec is quarantine,
                    declared=project.periods_of(table),
                    kept=step.kept.get(spec.key),
                )
                results[spec.key] = result
                bad = store.relation(connection, spec.key.path, partition=partition, version=result.version)
                descriptions = {column.name: column.description for column in declared.columns}
                extra = rule_counts(bad, project.sensitive) if spec is quarantine else {}
                yield materialized(
                    *(context, spec.key, result.digest),
                    {
                        **table_metadata(
                            result,
                            descriptions=descriptions,
                            inputs=inputs,
                        ),
                        **project.declaration,
                        **_lineage(raw_key, raw.columns, list(result.columns), declared.names, identity),
                        **extra,
                    },
                )
            if not partition:
                record_step(*(store, validated.key, record_code, raw_key, version), *results.values())
            kept, rejected = results[validated.key].rows, results[quarantine.key].rows
            share = rejected / raw_rows if raw_rows else 0.0
            yield _accounting(raw_rows, kept, rejected, validated.key)
            checked = _share(share, settings.max_rejected_share, rejected, raw_rows, validated.key)
            if not checked.passed:
                advice = describe_rules(bad, ".".join(quarantine.key.path), project.sensitive)
                checked = checked._replace(description=f"{checked.description}; {advice}")
            if not checked.passed and (hint := comma_hint(declared.columns, bad)):
                checked = checked._replace(description=f"{checked.description}; {hint}")
            yield checked

    return contract


def _fingerprint(secret: bytes | None) -> str:
    """What changes with the key of row IDs, without revealing it."""
    return keyed_digest(secret, "record of a step") if secret else ""


def _require_usable(
    subject: str, declared: "Contract", columns: Sequence[str], rows: int, partition: str | None
) -> None:
    """Require all columns and at least one raw row; a partition may be empty."""
    if missing := declared.missing(columns):
        existing = [name for name in columns if name not in names.PROVENANCE]
        similar = _similar_names(missing, [name for name in existing if name not in declared.names])
        raise DataError(
            f"{subject}: the source lacks the column{'s' * (len(missing) > 1)} {', '.join(missing)}; "
            f"it has {', '.join(existing)}" + (f". Did you mean {similar}?" if similar else ""),
            hint="rename the columns of the source, or change schema.py; the table was not changed",
        )
    if not rows and not partition:
        raise DataError(f"{subject}: the source has no rows", hint="check the program that writes the source")


def _similar_names(missing: Sequence[str], others: Sequence[str]) -> str:
    """Columns of the source whose names are similar to missing ones."""
    pairs = ((name, closest_name(name, others)) for name in missing)
    return ", ".join(f"{near} for {name}" for name, near in pairs if near)


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
    return dg.AssetCheckResult(
        check_name=REJECTED_SHARE,
        asset_key=key,
        passed=passed,
        description=f"{rejected:,} of {raw:,} rows ({share:.2%}) violate the contract; the limit is "
        f"{limit:.2%}",
        metadata={"rejected_share": share, "limit": limit},
    )


def _lineage(
    raw_key: dg.AssetKey,
    raw: Sequence[str],
    written: Sequence[str],
    contract: Sequence[str],
    identity: Sequence[str],
) -> dict[str, Any]:
    """Lineage of valid or rejected rows; that the contract decides which of the two a row is goes unsaid."""
    rules = [name for name in contract if name in raw]
    copied = copied_columns(raw_key, written, of=raw)
    computed = {names.ROW_ID: [name for name in identity if name in raw], names.BROKEN_RULES: rules}
    found = {name: [(raw_key, one) for one in of] for name, of in computed.items() if name in written}
    return (copied | ColumnLineage(found)).metadata()
