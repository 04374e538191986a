"""If one of these fails, Dagster moved or changed a symbol of `mlops_assets.compat.dagster`."""

import dagster as dg
import pytest
from dagster._core.storage.dagster_run import DagsterRunStatus

from mlops_assets.compat import dagster as compat


@pytest.mark.parametrize(
    ("cron", "valid"), [("0 6 * * *", True), ("@daily", True), ("every day", False), ("0 25 * * *", False)]
)
def test_cron_expressions_are_validated_as_schedules_read_them(cron, valid):
    assert compat.is_valid_cron_schedule(cron) == valid


@pytest.mark.parametrize(
    ("owner", "valid"), [("team:churn", True), ("a@example.org", True), ("churn", False), ("", False)]
)
def test_owners_are_validated_as_assets_accept_them(owner, valid):
    assert compat.is_valid_owner(owner) == valid


def test_tags_are_validated_as_assets_accept_them():
    assert compat.is_valid_tag_key("cost-centre")
    assert not compat.is_valid_tag_key("cost centre")
    assert compat.is_valid_strict_tag_value("a.b-c_1")
    assert not compat.is_valid_strict_tag_value("two words")


def test_the_statuses_in_progress_are_those_of_a_run_that_has_not_ended():
    ended = {DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED}
    assert dg.DagsterRunStatus.STARTED in compat.IN_PROGRESS_RUN_STATUSES
    assert not ended & set(compat.IN_PROGRESS_RUN_STATUSES)


def test_a_new_run_id_is_accepted_by_an_execution():
    @dg.job
    def empty():
        pass

    run_id = compat.make_new_run_id()
    assert compat.make_new_run_id() != run_id
    assert empty.execute_in_process(run_id=run_id).run_id == run_id


def test_yaml_positions_carry_file_and_line():
    parsed = compat.parse_yaml_with_source_position("type: a\nattributes:\n  task: binary\n", "defs.yaml")
    assert parsed.value == {"type": "a", "attributes": {"task": "binary"}}
    position = parsed.source_position_tree.lookup(["attributes", "task"])
    assert (position.filename, position.start.line) == ("defs.yaml", 3)


def test_assets_that_depend_on_one_another_raise_the_error_that_we_translate():
    @dg.asset(deps=["second"])
    def first(): ...

    @dg.asset(deps=["first"])
    def second(): ...

    with pytest.raises(Exception, match="ircular") as raised:
        dg.Definitions(assets=[first, second]).resolve_asset_graph().toposorted_asset_keys_by_level  # noqa: B018
    chain = [raised.value]
    while cause := chain[-1].__cause__ or chain[-1].__context__:
        chain.append(cause)
    assert any(isinstance(error, compat.CircularDependencyError) for error in chain)


def test_the_types_are_those_of_what_the_public_functions_return():
    @dg.asset
    def one(): ...

    job = dg.define_asset_job("all_assets")
    assert isinstance(job, compat.UnresolvedAssetJobDefinition)
    assert isinstance(dg.Definitions(assets=[one]).resolve_asset_graph(), compat.BaseAssetGraph)
