#!/usr/bin/env bash
# dagster 1.13.27, Python 3.11 (November 2026)
#
# What one expects: `compute_logs` in `dagster.yaml` names a module and a class, and the instance uses that class.
# What happens: of a subclass of LocalComputeLogManager, Dagster imports the class and then calls its inherited `from_config_value`, which
# returns a LocalComputeLogManager. The instance uses the base class without a word, and no overridden method is ever called. A class of its
# own `from_config_value` is used.
#
#   Silent -> LocalComputeLogManager
#   Own -> Own
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check dagster==1.13.27
cd "$folder"
cat >logs.py <<'PYTHON'
from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager


class Silent(LocalComputeLogManager):
    """Would change how output is captured."""


class Own(LocalComputeLogManager):
    @classmethod
    def from_config_value(cls, inst_data, config_value):
        return cls(inst_data=inst_data, **config_value)
PYTHON
PYTHONPATH="$folder" "$folder/venv/bin/python" - <<'PYTHON'
from pathlib import Path

import dagster as dg

found = {}
for name in ("Silent", "Own"):
    home = Path(name)
    home.mkdir()
    logs = f"compute_logs: {{module: logs, class: {name}, config: {{base_dir: {home.absolute()}}}}}\n"
    (home / "dagster.yaml").write_text(f"{logs}telemetry: {{enabled: false}}\n")
    with dg.DagsterInstance.from_config(str(home)) as instance:
        found[name] = type(instance.compute_log_manager).__name__
        print(name, "->", found[name])
assert found == {"Silent": "LocalComputeLogManager", "Own": "Own"}, found
PYTHON
