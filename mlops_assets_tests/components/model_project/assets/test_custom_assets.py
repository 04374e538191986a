"""Custom assets: in the graph, materialized, and rejected with an invalid key."""

from types import SimpleNamespace

import dagster as dg
import pytest

from mlops_assets.components.model_project.project.staleness import Staleness
from mlops_assets.core.errors import ProjectError
from mlops_assets.resources import WarehouseResource

BIG = """
import dagster as dg

from mlops_assets.resources import WarehouseResource


@dg.asset(key_prefix="lending", deps=[["lending", "features"]])
def big_loans(context: dg.AssetExecutionContext, warehouse: WarehouseResource):
    return warehouse.table(context, "select * from lending.features where share > 0.5 order by row_id")


@dg.asset_check(asset=["lending", "big_loans"])
def are_there():
    return dg.AssetCheckResult(passed=True)


@dg.asset(key_prefix="lending", deps=[["lending", "big_loans"]])
def letters():
    "Writes no table."
"""


@pytest.fixture
def built(make_project, tmp_path):
    """The definitions of a project with an `assets.py`."""

    def build(text: str) -> dg.Definitions:
        project = make_project(owners=["team:loans"])
        (project.files.folder / "assets.py").write_text(text, "utf-8")
        context = SimpleNamespace(path=project.files.folder, project_root=tmp_path)
        return project.settings.build_defs(context)

    return build


@pytest.fixture
def tables(tmp_path) -> WarehouseResource:
    """A warehouse that holds features."""
    resource = WarehouseResource(root=str(tmp_path / "warehouse"))
    with resource.store.connect() as connection:
        rows = connection.sql("select range as row_id, range / 4 as share from range(4)")
        resource.store.write(["lending", "features"], rows)
    return resource


def with_resources(defs: dg.Definitions, tables: WarehouseResource | None = None) -> dg.Definitions:
    """The definitions with the warehouse; no other resource is used."""
    resources = {"warehouse": tables or WarehouseResource(root="nowhere"), "mlflow": 0, "folders": 0}
    return dg.Definitions.merge(defs, dg.Definitions(resources=resources))


def materialize(
    defs: dg.Definitions, tables: WarehouseResource, instance, name: str = "big_loans"
) -> dg.ExecuteInProcessResult:
    return (
        with_resources(defs, tables)
        .resolve_implicit_global_asset_job_def()
        .execute_in_process(
            asset_selection=[dg.AssetKey(["lending", name])], instance=instance, raise_on_error=False
        )
    )


def test_custom_assets_have_group_owners_and_code_version_of_the_project(built):
    graph = with_resources(built(BIG)).resolve_asset_graph()
    custom = graph.get(dg.AssetKey(["lending", "big_loans"]))
    assert custom.parent_keys == {dg.AssetKey(["lending", "features"])}
    assert (custom.group_name, custom.owners, custom.tags["project"]) == (
        "lending",
        ["team:loans"],
        "lending",
    )
    assert custom.code_version, "a changed file makes them again"
    assert "are_there" in {key.name for key in graph.asset_check_keys}


def test_a_custom_table_has_the_metadata_of_generated_tables(built, tables, instance):
    result = materialize(built(BIG), tables, instance)
    assert result.success
    assert tables.store.frame(["lending", "big_loans"])["row_id"].tolist() == [3]
    [made] = result.asset_materializations_for_node("lending__big_loans")
    assert made.metadata["dagster/row_count"].value == 1
    assert made.tags["dagster/data_version"] == tables.store.digest(["lending", "big_loans"])
    version = tables.store.version(["lending", "big_loans"])
    assert tables.store.inputs(["lending", "big_loans"], version) == {
        "lending/features": tables.store.version(["lending", "features"])
    }


def test_a_failed_query_is_reported_with_asset_and_tables(built, tables, instance, record_property):
    result = materialize(built(BIG.replace("share >", "shore >")), tables, instance)
    assert not result.success
    [failure] = result.get_step_failure_events()
    message = failure.step_failure_data.user_failure_data.description
    assert message.startswith("lending: the query of big_loans failed: Binder Error")
    assert "the project's tables are lending.features" in message
    assert not tables.store.exists(["lending", "big_loans"])
    record_property("message", message)


def test_custom_assets_are_stale_when_their_inputs_change(built, tables, instance):
    defs, custom = built(BIG), [dg.AssetKey(["lending", name]) for name in ("big_loans", "letters")]
    graph = with_resources(defs).resolve_asset_graph()
    instance.report_runless_asset_event(
        dg.AssetMaterialization(["lending", "features"], metadata={"table_version": 1})
    )

    def stale(*keys: dg.AssetKey) -> list[str]:
        found = Staleness(graph, instance, tables.store)
        return [key.path[1] for key in keys if found.stale({key})]

    assert stale(*custom) == ["big_loans", "letters"]
    for key in custom:
        assert materialize(defs, tables, instance, key.path[1]).success
    assert stale(*custom) == []
    with tables.store.connect() as connection:
        rows = connection.sql("select range as row_id, range / 3 as share from range(4)")
        tables.store.write(["lending", "features"], rows)
    assert stale(*custom) == ["big_loans"]
    assert materialize(defs, tables, instance).success
    assert stale(*custom) == ["letters"], "its input is newer"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def (:", r"lending: .*assets.py, line 1: invalid syntax"),
        (
            "import nowhere",
            "assets.py raised ModuleNotFoundError when it was imported: No module named 'nowhere'",
        ),
        ("x = 1", "assets.py contains no Dagster definitions"),
        (BIG.replace('key_prefix="lending", ', ""), 'key of asset big_loans does not .*key_prefix="lending"'),
        (BIG.replace("def big_loans", "def champion"), "lending/champion is the key of a generated asset"),
        (
            BIG.replace('key_prefix="lending"', 'key_prefix=["lending", "raw"]'),
            "lending/raw/big_loans: names that start with raw, validated or quarantine are reserved",
        ),
        (
            BIG.replace('key_prefix="lending"', 'key_prefix=["lending", "raw_loans"]'),
            "lending/raw_loans/big_loans: names that start with raw, validated or quarantine are reserved",
        ),
        (
            BIG.replace("def big_loans", "def validated_big_loans"),
            "lending/validated_big_loans: names that start with raw, validated or quarantine are reserved",
        ),
    ],
)
def test_an_invalid_file_is_reported_with_its_name(built, record_property, text, message):
    with pytest.raises(ProjectError, match=f"(?s){message}") as caught:
        built(text)
    record_property("message", str(caught.value))
