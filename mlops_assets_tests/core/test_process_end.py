"""The end of a process without teardown."""

import os
import subprocess
import sys

import pytest

CODE = """
import atexit
from mlops_assets.core.process_end import FastExit

class Left:
    def __del__(self):
        print("teardown")

end, left = FastExit(), Left()
atexit.register(print, "exit function")
end.code = {code}
print("x")
"""


def run(code: int | None, stdout: int = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", CODE.format(code=code)]
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return subprocess.run(
        command, stdout=stdout, stderr=subprocess.PIPE, text=True, check=False, env=buffered
    )


@pytest.mark.parametrize(("code", "last"), [(0, []), (3, []), (None, ["teardown"])])
def test_exit_functions_are_called_and_objects_are_not_freed(code: int | None, last: list[str]):
    ended = run(code)
    assert (ended.returncode, ended.stderr) == (code or 0, "")
    assert ended.stdout.splitlines() == ["x", "exit function", *last]


def test_a_closed_pipe_is_no_traceback_and_a_full_disk_is_one_error():
    reader, writer = os.pipe()
    os.close(reader)
    ended = run(0, writer)
    os.close(writer)
    assert (ended.returncode, ended.stderr) == (1, "")
    full = os.open("/dev/full", os.O_WRONLY)
    ended = run(0, full)
    os.close(full)
    assert (ended.returncode, ended.stderr) == (
        1,
        "error: the output can't be written: No space left on device\n",
    )
