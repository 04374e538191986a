"""Ctrl-C while the output of steps is captured; a terminal sends it to every process of the group."""

import os
import signal
import subprocess
import sys
from pathlib import Path

CAPTURE = """
import sys, time
from mlops_assets.compute_logs import LocalLogs

try:
    with LocalLogs(sys.argv[1]).capture_logs(["run", "compute_logs", "step"]):
        time.sleep(0.5)  # until the script of Dagster has started
        sys.__stderr__.flush()
        open(sys.argv[2], "w").close()
        time.sleep(60)
except KeyboardInterrupt:
    print("interrupted")
"""


def test_ctrl_c_reaches_the_run_and_prints_no_stack_trace(tmp_path: Path):
    ready = tmp_path / "ready"
    process = subprocess.Popen(
        [sys.executable, "-c", CAPTURE, str(tmp_path), str(ready)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    while not ready.exists():
        assert process.poll() is None, process.communicate()[0]
    os.killpg(process.pid, signal.SIGINT)
    output = process.communicate(timeout=30)[0]
    assert output == "interrupted\n"
