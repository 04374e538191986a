"""Symbols of Dagster that have no public import path."""

from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationTargetMaterializationData,
)
from dagster._core.definitions.assets.graph.base_asset_graph import BaseAssetGraph
from dagster._core.definitions.freshness import CronFreshnessPolicy, TimeWindowFreshnessPolicy
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition
from dagster._core.definitions.utils import is_valid_owner
from dagster._core.event_api import RunStatusChangeRecordsFilter
from dagster._core.instance.ref import InstanceRef
from dagster._core.storage.asset_check_execution_record import (
    AssetCheckExecutionRecord,
    AssetCheckExecutionRecordStatus,
)
from dagster._core.storage.dagster_run import IN_PROGRESS_RUN_STATUSES
from dagster._core.storage.tags import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
)
from dagster._core.utils import make_new_run_id
from dagster._utils.pydantic_yaml import (
    enrich_validation_errors_with_source_position as enrich_validation_errors,
)
from dagster._utils.schedules import (
    get_latest_completed_cron_tick,
    is_valid_cron_schedule,
    schedule_execution_time_iterator,
)
from dagster._utils.tags import is_valid_strict_tag_value, is_valid_tag_key
from dagster.components.resolved.errors import ResolutionException
from dagster_shared.yaml_utils import parse_yaml_with_source_position
from toposort import CircularDependencyError

__all__ = [
    "ASSET_PARTITION_RANGE_END_TAG",
    "ASSET_PARTITION_RANGE_START_TAG",
    "IN_PROGRESS_RUN_STATUSES",
    "AssetCheckEvaluationTargetMaterializationData",
    "AssetCheckExecutionRecord",
    "AssetCheckExecutionRecordStatus",
    "BaseAssetGraph",
    "CircularDependencyError",
    "CronFreshnessPolicy",
    "InstanceRef",
    "ResolutionException",
    "RunStatusChangeRecordsFilter",
    "TimeWindowFreshnessPolicy",
    "UnresolvedAssetJobDefinition",
    "enrich_validation_errors",
    "get_latest_completed_cron_tick",
    "is_valid_cron_schedule",
    "is_valid_owner",
    "is_valid_strict_tag_value",
    "is_valid_tag_key",
    "make_new_run_id",
    "parse_yaml_with_source_position",
    "schedule_execution_time_iterator",
]
