#!/usr/bin/env bash
# dagster 1.13.27, Python 3.11 (November 2026)
#
# What one expects: `MaterializeResult(metadata=…)` and `context.add_asset_metadata(…)` are two spellings of the same: metadata of
# the materialization, which Dagster's event log stores once.
# What happens: the metadata of a `MaterializeResult` is also in the event of the step's output, so the event log has it twice. A
# schema of 200 columns, in bytes of the two events:
#
#   MaterializeResult(metadata=...)   STEP_OUTPUT 40,539  ASSET_MATERIALIZATION 40,562
#   context.add_asset_metadata(...)   STEP_OUTPUT 1,389  ASSET_MATERIALIZATION 40,572
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check dagster==1.13.27
"$folder/venv/bin/python" - <<'PYTHON'
import logging
import warnings

import dagster as dg
from dagster._serdes import serialize_value

warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)
schema = dg.TableSchema([dg.TableColumn(f"column_{number}", "BIGINT") for number in range(200)])


@dg.asset
def of_result():
    return dg.MaterializeResult(metadata={"dagster/column_schema": schema})


@dg.asset
def of_context(context: dg.AssetExecutionContext):
    context.add_asset_metadata({"dagster/column_schema": schema})


print("dagster", dg.__version__)
found = {}
for asset, spelling in ((of_result, "MaterializeResult(metadata=...)"), (of_context, "context.add_asset_metadata(...)")):
    with dg.DagsterInstance.ephemeral() as instance:
        run = dg.materialize([asset], instance=instance).run_id
        sizes = {
            entry.dagster_event.event_type_value: len(serialize_value(entry))
            for entry in instance.all_logs(run)
            if entry.dagster_event and entry.dagster_event.event_type_value in ("STEP_OUTPUT", "ASSET_MATERIALIZATION")
        }
    found[spelling] = sizes
    print(f"{spelling:33}", "  ".join(f"{kind} {size:,}" for kind, size in sizes.items()))
result, context = found.values()
assert result["STEP_OUTPUT"] > 20_000 > 3_000 > context["STEP_OUTPUT"]
assert min(result["ASSET_MATERIALIZATION"], context["ASSET_MATERIALIZATION"]) > 20_000
PYTHON
