"""The limit for the time from a signal to the end of the process."""

import signal
import subprocess
import sys
import time

import pytest

from mlops_assets.core.interruption import limited_interruption

# The derivation of a key takes hours in one call into OpenSSL, during which Python runs no signal handler.
BUSY = """
import hashlib, signal, sys
from mlops_assets.core.interruption import limited_interruption

signal.signal(signal.SIGTERM, signal.default_int_handler)
signal.signal(signal.SIGINT, signal.default_int_handler)
with limited_interruption(lambda: print("cleaned up", flush=True), exit_code=7):
    with limited_interruption(lambda: print("of the inner block", flush=True)):
        print("started", flush=True)
        hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)
"""
ORDERLY = """
import signal, time
from mlops_assets.core.interruption import limited_interruption

signal.signal(signal.SIGTERM, signal.default_int_handler)
try:
    with limited_interruption(lambda: print("cleaned up", flush=True)):
        print("started", flush=True)
        time.sleep(60)
except KeyboardInterrupt:
    time.sleep(4)
    print("ended by itself")
"""


def interrupted(code: str, number: int) -> tuple[int, str, float]:
    """The exit code, the output and the seconds from the signal to the end of a process."""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        time.sleep(0.2)
        started = time.monotonic()
        process.send_signal(number)
        rest, _ = process.communicate(timeout=60)
        return process.returncode, first + rest, time.monotonic() - started


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_call_that_delays_signals_is_abandoned_within_five_seconds(number: int):
    code, output, seconds = interrupted(BUSY, number)
    assert (code, output) == (7, "started\ncleaned up\n")
    assert seconds < 5


LOST = """
import os, signal, time, weakref
from mlops_assets.core.interruption import limited_interruption


class Thing:
    pass


signal.signal(signal.SIGTERM, signal.default_int_handler)
with limited_interruption(lambda: print("cleaned up", flush=True), exit_code=7):
    thing = Thing()
    reference = weakref.ref(thing, lambda _: (print("started", flush=True), time.sleep(5)))
    del thing  # Python ignores what a callback of a weak reference raises
    try:
        time.sleep(60)
    except KeyboardInterrupt:
        print("interrupted by the second signal")
"""


def test_a_signal_whose_exception_python_ignores_is_repeated():
    code, output, seconds = interrupted(LOST, signal.SIGTERM)
    assert (code, output) == (0, "started\ninterrupted by the second signal\n")
    assert seconds < 5


def test_a_process_that_reacts_ends_by_itself():
    code, output, _ = interrupted(ORDERLY, signal.SIGTERM)
    assert (code, output) == (0, "started\nended by itself\n")


SLOW_EXIT = """
import atexit, signal, time
from mlops_assets.core.interruption import limited_interruption

atexit.register(time.sleep, 60)
signal.signal(signal.SIGTERM, signal.default_int_handler)
try:
    with limited_interruption(exit_code=7, until_exit=True):
        print("started", flush=True)
        time.sleep(60)
except KeyboardInterrupt:
    time.sleep(0.5)
    print("ended by itself")
"""


def test_the_exit_of_an_interrupted_process_is_immediate():
    code, output, seconds = interrupted(SLOW_EXIT, signal.SIGTERM)
    assert (code, output) == (7, "started\nended by itself\n")
    assert seconds < 3


SLOW_END = """
import signal, time
from mlops_assets.core.interruption import limited_interruption

signal.signal(signal.SIGTERM, signal.default_int_handler)
try:
    with limited_interruption(exit_code=7, until_exit=True):
        print("started", flush=True)
        time.sleep(60)
except KeyboardInterrupt:
    print("left the block", flush=True)
    time.sleep(60)
"""


def test_the_time_to_the_end_of_the_process_is_limited_on_request():
    code, output, seconds = interrupted(SLOW_END, signal.SIGTERM)
    assert (code, output) == (7, "started\nleft the block\n")
    assert seconds < 5


def test_without_a_signal_the_handlers_are_unchanged():
    before = signal.getsignal(signal.SIGTERM), signal.set_wakeup_fd(-1)
    with limited_interruption():
        pass
    assert (signal.getsignal(signal.SIGTERM), signal.set_wakeup_fd(-1)) == before
