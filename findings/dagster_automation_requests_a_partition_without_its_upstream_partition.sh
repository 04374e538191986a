#!/usr/bin/env bash
# dagster 1.13.27, Python 3.11 (November 2026)
#
# What one expects: `AutomationCondition.eager()` does not request a partition before its inputs exist: it contains
# `~any_deps_missing()`. With `end_offset=1`, the current day is a partition of `summary`. Its input is a partition of `day` that
# will exist at the end of the day.
# What happens: a partition that does not exist yet is not missing. As soon as the day begins, eager() requests it; a run of it
# reads a partition that Dagster itself does not know:
#
#   2024-01-03: the newest partition of day is 2024-01-02; requested of summary: nothing
#   2024-01-04: the newest partition of day is 2024-01-03; requested of summary: ['2024-01-04']
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check dagster==1.13.27
"$folder/venv/bin/python" - <<'PYTHON'
import warnings
from datetime import datetime

import dagster as dg

warnings.simplefilter("ignore")
ended = dg.DailyPartitionsDefinition("2024-01-01")
begun = dg.DailyPartitionsDefinition("2024-01-01", end_offset=1)


@dg.asset(partitions_def=ended)
def day(): ...


@dg.asset(partitions_def=begun, deps=["day"], automation_condition=dg.AutomationCondition.eager())
def summary(): ...


print("dagster", dg.__version__)
defs, instance = dg.Definitions([day, summary]), dg.DagsterInstance.ephemeral()
cursor, requested = None, []
for now in (datetime(2024, 1, 3, 12), datetime(2024, 1, 4, 12)):
    found = dg.evaluate_automation_conditions(
        defs=defs, instance=instance, cursor=cursor, evaluation_time=now
    )
    cursor = found.cursor
    requested.append(sorted(found.get_requested_partitions(dg.AssetKey("summary"))))
    newest = ended.get_partition_keys(current_time=now)[-1]
    print(f"{now:%Y-%m-%d}: the newest partition of day is {newest}; requested of summary: {requested[-1] or 'nothing'}")
assert requested == [[], ["2024-01-04"]]
PYTHON
