"""The user of an `mlops` command, during a Dagster run that executes in the process of the command.

The configuration of a run can't say who made it: the launchpad of Dagster's UI takes the same one as a
command does. A run in the process of a command has the rights of its user, whose account is known.
"""

import os
import pwd
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_USER: ContextVar[str] = ContextVar("command_user", default="")


def command_user() -> str:
    """Return account and host of the user of the command; empty in a run that Dagster launched."""
    return _USER.get()


@contextmanager
def run_of_command() -> Iterator[None]:
    """Mark the runs that execute inside as those of a command."""
    token = _USER.set(f"{_account()}@{socket.gethostname()}")
    try:
        yield
    finally:
        _USER.reset(token)


def _account() -> str:
    """Return the name of the process's account, which variables of the environment do not change."""
    number = os.geteuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:  # the user of a container may have no name
        return f"uid {number}"
