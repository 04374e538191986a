"""The runtime environment: what is recorded of it, what changed, and its resources."""

import platform

import numpy as np
import pytest
from joblib.externals.loky.backend import context as loky

from mlops_assets.ml.families.extras import installed_extras
from mlops_assets.ml.model.runtime_environment import (
    ABSENT,
    PACKAGES,
    environment_changes,
    peak_memory_bytes,
    runtime_environment,
    thread_count,
)


def test_python_the_system_and_every_package_are_recorded():
    found = runtime_environment()
    assert set(found) == {"python", "system", *PACKAGES, *installed_extras()}
    assert (found["python"], found["numpy"]) == (platform.python_version(), np.__version__)


def test_only_changed_added_and_removed_entries_are_changes():
    before = {"python": "3.11.1", "numpy": "2.0", "gone": "1.0"}
    after = {"python": "3.11.1", "numpy": "2.1", "new": "0.1"}
    assert environment_changes(before, after) == {
        "numpy": ("2.0", "2.1"),
        "gone": ("1.0", ABSENT),
        "new": (ABSENT, "0.1"),
    }


def test_a_declared_number_of_threads_takes_precedence_over_that_of_the_machine():
    assert thread_count(3) == 3
    assert thread_count(None) >= 1


def test_fits_have_no_more_threads_than_the_container_has_cpus(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(loky, "_cpu_count_cgroup", lambda cpus: 1)
    assert thread_count(None) == 1


def test_the_peak_memory_is_in_bytes():
    assert peak_memory_bytes() > 10 * 2**20
