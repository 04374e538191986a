"""Metadata of materializations: where Dagster's event log has it."""

import dagster as dg

from mlops_assets.components.model_project.project.metadata import materialized

KEY = dg.AssetKey(["shop", "features"])


def test_metadata_is_in_the_materialization_and_not_once_more_in_the_output_of_the_step():
    @dg.multi_asset(specs=[dg.AssetSpec(KEY, partitions_def=dg.StaticPartitionsDefinition(["a"]))])
    def features(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        return materialized(context, KEY, "digest", {"dagster/row_count": 3})

    result = dg.materialize([features], partition_key="a")
    [event] = result.get_asset_materialization_events()
    assert event.partition == "a"
    assert event.materialization.metadata["dagster/row_count"].value == 3
    assert event.materialization.tags["dagster/data_version"] == "digest"
    [output] = [event for event in result.all_events if event.is_successful_output]
    assert output.step_output_data.metadata == {}
