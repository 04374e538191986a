"""features: the model's features of each row, computed by `features.sql`."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from mlops_assets.components.model_project.assets.sensitive_features import (
    reject_copied_columns,
    reject_sensitive_features,
)
from mlops_assets.components.model_project.automation.conditions import follows_its_inputs
from mlops_assets.components.model_project.lineage.column_lineage import query_columns
from mlops_assets.components.model_project.project.blocked_inputs import require_succeeded
from mlops_assets.components.model_project.project.blocked_rows import require_unblocked
from mlops_assets.components.model_project.project.failures import as_dagster_failures
from mlops_assets.components.model_project.project.metadata import table_metadata
from mlops_assets.components.model_project.project.metadata_names import TARGET, TARGET_EXPRESSION, WEIGHT
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.components.model_project.project.target_columns import expression_code, hidden_columns
from mlops_assets.components.model_project.queries.added_rows import (
    StepInput,
    added_input,
    added_or_all,
    record_step,
)
from mlops_assets.components.model_project.queries.sql_table import checked_with_intact_files, write_computed
from mlops_assets.components.model_project.training.row_weights import weight_code
from mlops_assets.components.resources import WarehouseResource
from mlops_assets.core import names
from mlops_assets.core.sql_quoting import quoted_list
from mlops_assets.stores.project_folder.files import FEATURES_SQL, SCHEMA

if TYPE_CHECKING:
    import duckdb

    from mlops_assets.ml.contracts.contract import Contract
    from mlops_assets.ml.features.feature_comparison import Differences
    from mlops_assets.ml.features.feature_query import FeatureQuery

CONTRACT, ONE_ROW_EACH, ROW_BY_ROW = "contract", "one_row_each", "row_by_row"
_SAMPLE_ROWS = 2_000
_EXAMPLES = 10


def features_asset(project: Project) -> dg.AssetsDefinition:
    """The asset that runs `features.sql`, with its checks."""
    validated_key = project.table_key(names.VALIDATED)
    spec = project.spec(
        project.key(names.FEATURES),
        description="`features.sql` over the validated rows, without the target column.",
        kinds=["duckdb", "sql", "deltalake"],
        deps=[validated_key],
        automation=follows_its_inputs(project),
        code=[
            "features 1",
            project.files.version(FEATURES_SQL, SCHEMA),
            project.settings.target.column,
            *weight_code(project),
            *expression_code(project),
            *([f"sensitive {sorted(project.sensitive)}"] if project.sensitive else []),
        ],
        metadata={TARGET: project.settings.target.column, **_input_metadata(project)},
    )
    checks = [
        dg.AssetCheckSpec(
            ONE_ROW_EACH,
            asset=spec.key,
            blocking=True,
            description="Exactly one row of features for each validated row.",
        ),
        dg.AssetCheckSpec(
            ROW_BY_ROW,
            asset=spec.key,
            blocking=True,
            description="No leakage between rows: features computed from a part of the rows are identical, "
            "so that predicting a single row gives the same result.",
        ),
    ]
    checks.extend(feature_contract_checks(project, spec.key))

    @dg.multi_asset(specs=[spec], check_specs=checks, name=names.op_name(*spec.key.path))
    def features(
        context: dg.AssetExecutionContext, warehouse: WarehouseResource
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        from mlops_assets.ml.features.sql.row_wise import is_row_wise
        from mlops_assets.stores.delta.kept_content import AllRowsNeededError
        from mlops_assets.stores.warehouse.step_record import StepRecord, step_code

        store = warehouse.store
        with as_dagster_failures(project.name, project.sensitive), store.connect() as connection:
            require_unblocked(project, store, project.table, [None])
            require_succeeded(context.instance, project.name, [(validated_key, None)])
            version = store.version(validated_key.path)
            valid = store.relation(connection, validated_key.path, version=version)
            query = feature_query(project, valid.columns)
            code = step_code(str(spec.code_version))

            def added() -> StepInput:
                if not is_row_wise(query.sql, project.table, _seen(query, valid)):
                    raise AllRowsNeededError("features.sql may compute a row from other rows")
                last = StepRecord.last(store, spec.key.path, code)
                return added_input(connection, store, last, validated_key, version, [spec.key])

            step = added_or_all(context, spec.key, added, lambda: StepInput(valid))
            store.confine(connection, [valid], output=spec.key.path)
            computed = query.run(connection, {project.table: step.rows})
            reject_sensitive_features(project, computed.columns)
            result = write_computed(
                store,
                connection,
                spec.key,
                query,
                computed,
                dagster_run_id=context.run.run_id,
                inputs={"/".join(validated_key.path): version},
                kept=step.kept.get(spec.key),
            )
            record_step(store, spec.key, code, validated_key, version, result)
            written = store.relation(connection, spec.key.path, version=result.version)
            reject_copied_columns(project, valid, written)
            yield dg.MaterializeResult(
                data_version=dg.DataVersion(result.digest),
                metadata={
                    **table_metadata(
                        result,
                        inputs={(validated_key, None): store.digest(validated_key.path, version=version)},
                    ),
                    **project.declaration,
                    **_lineage(project, query, valid.columns, computed.columns),
                },
            )
            yield from checked_with_intact_files(connection, check(connection, query, valid, written))

    def check(
        connection: "duckdb.DuckDBPyConnection",
        query: "FeatureQuery",
        valid: "duckdb.DuckDBPyRelation",
        written: "duckdb.DuckDBPyRelation",
    ) -> Iterator[dg.AssetCheckResult]:
        yield _one_row_each(valid, written)
        yield _row_by_row(connection, query, project, valid, written)
        if declared := project.files.feature_contract():
            yield check_feature_contract(declared, written)

    return features


def feature_query(project: Project, columns: Sequence[str]) -> "FeatureQuery":
    """`features.sql` without access to the target, and to columns of the table that only the target reads."""
    from mlops_assets.ml.features.feature_query import FeatureQuery

    return FeatureQuery(
        project.files.text(FEATURES_SQL),
        hidden=hidden_columns(project, columns),
        subject=f"{project.name}: {FEATURES_SQL}",
    )


def _seen(query: "FeatureQuery", valid: "duckdb.DuckDBPyRelation") -> dict[str, str]:
    """The columns that the query can read, with their types."""
    types = dict(zip(valid.columns, map(str, valid.types), strict=True))
    return {name: kind for name, kind in types.items() if name not in (*query.hidden, *names.PROVENANCE)}


def _lineage(
    project: Project, query: "FeatureQuery", columns: Sequence[str], outputs: Sequence[str]
) -> dict[str, Any]:
    read = [name for name in columns if name not in (*query.hidden, *names.PROVENANCE)]
    tables = {project.table: (project.table_key(names.VALIDATED), read)}
    return query_columns(query.sql, tables, outputs).metadata()


def _input_metadata(project: Project) -> dict[str, Any]:
    """What else rows to predict do not need: the weight, and columns that only the target reads."""
    target, weight = project.settings.target, project.settings.weight
    declared = {"expression": target.expression, "keep": target.keep}
    expression = {TARGET_EXPRESSION: dg.MetadataValue.json(declared)} if target.expression else {}
    return {**expression, **({WEIGHT: weight} if weight else {})}


def _one_row_each(
    valid: "duckdb.DuckDBPyRelation", written: "duckdb.DuckDBPyRelation"
) -> dg.AssetCheckResult:
    from mlops_assets.stores.delta.content_digest import relation_digest

    row_id = names.ROW_ID
    missing = extra = repeated = 0
    if relation_digest(valid.project(row_id)) != relation_digest(written.project(row_id)):
        missing = len(valid.join(written, row_id, how="anti"))
        extra = len(written.join(valid, row_id, how="anti"))
        repeated = len(written) - len(written.project(row_id).distinct())
    return dg.AssetCheckResult(
        check_name=ONE_ROW_EACH,
        passed=not (missing or extra or repeated),
        description=f"{missing:,} rows have no features, {repeated:,} have more than one row of them, "
        f"{extra:,} rows of features have no validated row",
    )


def _row_by_row(
    connection: "duckdb.DuckDBPyConnection",
    query: "FeatureQuery",
    project: Project,
    valid: "duckdb.DuckDBPyRelation",
    written: "duckdb.DuckDBPyRelation",
) -> dg.AssetCheckResult:
    """Run the query over each half of a sample, unless its plan shows that no row depends on another."""
    from mlops_assets.ml.features.feature_comparison import find_differences
    from mlops_assets.ml.features.sql.row_wise import is_row_wise

    row_id = names.ROW_ID
    seen = _seen(query, valid)
    if is_row_wise(query.sql, project.table, seen):
        return dg.AssetCheckResult(
            check_name=ROW_BY_ROW,
            passed=True,
            description="the plan of features.sql computes each row from one validated row",
        )
    drawn = valid.project(row_id).order(f"hash({row_id}), {row_id}").limit(_SAMPLE_ROWS).set_alias("drawn")
    placed = f"*, row_number() over (order by hash({row_id}), {row_id}) as _place"
    valid.project(quoted_list(seen)).join(drawn, row_id, how="semi").project(placed).create("_sample")
    written.join(connection.table("_sample").project(f"{row_id}, _place"), row_id).create("_among")
    found: list[Differences] = []
    for half in (0, 1):  # an aggregate over all rows, such as the maximum, differs in at least one half
        rows, among = (
            connection.table(name).filter(f"_place % 2 = {half}").project("* exclude (_place)")
            for name in ("_sample", "_among")
        )
        query.run(connection, {project.table: rows}).create(f"_alone{half}")
        alone = connection.table(f"_alone{half}")
        found.append(
            find_differences(
                among, alone, [row_id], magnitude=0.0, examples=_EXAMPLES, shown=not project.sensitive
            )
        )
    count, sampled = sum(one.rows for one in found), len(connection.table("_sample"))
    columns = sorted({name for one in found for name in one.columns})
    examples = [str(example) for one in found for example in one.examples][:_EXAMPLES]
    return dg.AssetCheckResult(
        check_name=ROW_BY_ROW,
        passed=count == 0,
        description=f"{count:,} of {sampled:,} sampled rows have other features when computed separately"
        + (f", in {', '.join(columns)} ({'; '.join(examples[:2])})" if examples else "")
        + ("; compute each feature from its own row only" if count else ""),
        metadata={"examples": dg.MetadataValue.json(examples)},
    )


def feature_contract_checks(
    project: Project, key: dg.AssetKey, partitions: dg.PartitionsDefinition | None = None
) -> list[dg.AssetCheckSpec]:
    """The check of the class `Features`, if the project declares it."""
    if not project.files.has_feature_contract():
        return []
    return [
        dg.AssetCheckSpec(
            CONTRACT,
            asset=key,
            blocking=True,
            description="All rows satisfy the class `Features` in schema.py.",
            partitions_def=partitions,
        )
    ]


def check_feature_contract(declared: "Contract", written: "duckdb.DuckDBPyRelation") -> dg.AssetCheckResult:
    """Check the features against the class `Features`; violations block all rows, none is removed."""
    from mlops_assets.ml.contracts.shown_rules import shown_rule
    from mlops_assets.ml.contracts.validation import count_broken_rules

    if missing := declared.missing(written.columns):
        return dg.AssetCheckResult(
            check_name=CONTRACT,
            passed=False,
            description=f"features.sql does not return columns that Features declares: {', '.join(missing)}",
        )
    hidden = [column.name for column in declared.columns if column.sensitive]
    broken: Counter[str] = Counter()
    for rule, count in count_broken_rules(declared, written).items():
        broken[shown_rule(rule, hidden)] += count
    violations = "; ".join(f"{rule} in {count:,} rows" for rule, count in sorted(broken.items())[:_EXAMPLES])
    return dg.AssetCheckResult(
        check_name=CONTRACT,
        passed=not broken,
        description=violations or "all rows satisfy it",
        metadata={"broken_rules": dg.MetadataValue.json(broken)},
    )
