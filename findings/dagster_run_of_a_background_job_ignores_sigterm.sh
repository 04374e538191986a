#!/usr/bin/env bash
# dagster 1.13.27, Python 3.11 (November 2026)
#
# What one expects: a process that runs a Dagster job in process can be ended by `kill` (SIGTERM) afterwards.
# What happens: Dagster gives SIGTERM the handler of SIGINT for a run, and afterwards "restores" SIGTERM to the handler of
# SIGINT, too, not to its own. A shell without job control, so every script, starts its background jobs (`command &`) with
# SIGINT ignored. After the first run the process therefore ignores SIGTERM: only SIGKILL ends it, and so do the processes
# that it starts, which inherit the ignored signal.
#
#   before the run: SIGTERM Handlers.SIG_DFL; after the run: SIGTERM Handlers.SIG_IGN; alive after kill: yes
#   the same in the foreground: SIGTERM default_int_handler after the run
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check dagster==1.13.27
cd "$folder"
cat >run.py <<'PYTHON'
import signal
import time
from pathlib import Path

import dagster as dg


@dg.asset
def one() -> None: ...


before = signal.getsignal(signal.SIGTERM)
assert dg.materialize([one]).success
Path("handlers").write_text(f"{before!r} {signal.getsignal(signal.SIGTERM)!r}")
time.sleep(60)
PYTHON
venv/bin/python run.py >log 2>&1 &
job=$!
for _ in $(seq 300); do [ -s handlers ] && break; sleep 0.2; done
kill "$job"
sleep 2
alive=no
if kill -0 "$job" 2>/dev/null; then alive=yes; fi
kill -9 "$job" 2>/dev/null || true
echo "SIGTERM before and after the run: $(cat handlers); alive after kill: $alive"
grep -q '<Handlers.SIG_DFL: 0> <Handlers.SIG_IGN: 1>' handlers
[ "$alive" = yes ]
