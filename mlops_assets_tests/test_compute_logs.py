"""The output of steps in files and in the terminal, also at Ctrl-C, which reaches the whole process group."""

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


SHOW = """
import os, subprocess, sys
from mlops_assets.compute_logs import LocalLogs

with LocalLogs(sys.argv[1]).capture_logs(["run", "compute_logs", "step"]):
    print("of Python")
    os.write(1, b"of C\\n")
    subprocess.run(["echo", "of a process"], check=True)
    print("x" * 300_000, file=sys.stderr)
print("after the step")
"""


def test_output_is_in_the_files_and_shown_in_its_order(tmp_path: Path):
    shown = subprocess.run([sys.executable, "-uc", SHOW, str(tmp_path)], capture_output=True, text=True)
    assert shown.stdout == "of Python\nof C\nof a process\nafter the step\n"
    assert len(shown.stderr) == 300_001
    folder = tmp_path / "run" / "compute_logs"
    assert (folder / "step.out").read_text("utf-8") == "of Python\nof C\nof a process\n"
    assert (folder / "step.err").stat().st_size == 300_001
    assert (folder / "step.complete").exists()


def test_a_step_ends_though_its_terminal_is_closed(tmp_path: Path):
    command = [sys.executable, "-uc", SHOW + "\nsys.stdout = None\n", str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    for stream in (process.stdout, process.stderr):
        assert stream
        stream.close()
    process.wait(timeout=30)
    assert (tmp_path / "run" / "compute_logs" / "step.complete").exists()
