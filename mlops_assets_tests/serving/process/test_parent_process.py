"""A worker ends when its supervisor was killed."""

import subprocess
import sys

from mlops_assets_tests.support.served_state import is_alive, wait_until

_CHILD = """
import time
from mlops_assets.serving.process.parent_process import end_with_parent

def run():
    end_with_parent()
    time.sleep(60)
"""
_PARENT = """
import multiprocessing, time, child

if __name__ == "__main__":
    process = multiprocessing.get_context("spawn").Process(target=child.run)
    process.start()
    print(process.pid, flush=True)
    time.sleep(60)
"""


def test_a_process_ends_with_the_killed_one_that_started_it(tmp_path) -> None:
    (tmp_path / "child.py").write_text(_CHILD)
    (tmp_path / "parent.py").write_text(_PARENT)
    parent = subprocess.Popen([sys.executable, "parent.py"], cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    worker = int(parent.stdout.readline())
    assert is_alive(worker)

    parent.kill()
    parent.wait()
    wait_until(lambda: not is_alive(worker))
    parent.stdout.close()
