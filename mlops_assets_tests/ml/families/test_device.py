"""Whether XGBoost can train on the declared device."""

import os
import subprocess
import sys

import pytest

from mlops_assets.ml.families.device import require_device

REQUIRE = "from mlops_assets.ml.families.device import require_device; require_device('cuda')"


def test_cuda_without_a_visible_gpu_is_an_error():
    found = subprocess.run(
        [sys.executable, "-c", REQUIRE],
        env=os.environ | {"CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 1
    message = found.stderr[found.stderr.index("ModelError") :]
    assert "`device: cuda`: no GPU is visible to this process" in message
    assert "declare `tuning.device: cpu`" in message


def test_the_cpu_needs_no_gpu(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "xgboost", None)  # an import would fail
    require_device("cpu")
