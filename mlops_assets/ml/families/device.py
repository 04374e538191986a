"""Whether XGBoost can train on the declared device."""

import json
import warnings
from functools import cache
from typing import Literal

from mlops_assets.core.errors import ModelError

Device = Literal["cpu", "cuda"]


@cache
def require_device(device: Device) -> None:
    """Raise an error if XGBoost would train on another device than the declared one.

    Without a visible GPU, XGBoost trains on the CPU with a warning, also with `fail_on_invalid_gpu_id`. So a
    booster of one tree is trained, and its configuration says on which device.

    Raises
    ------
    ModelError
        There is no GPU that XGBoost can use.
    """
    if device == "cpu":
        return
    import numpy as np
    import xgboost as xgb

    hint = (
        "check `nvidia-smi` and CUDA_VISIBLE_DEVICES, install `xgboost` in place of `xgboost-cpu`, or "
        "declare `tuning.device: cpu`."
    )
    rows = xgb.DMatrix(np.array([[0.0], [1.0]]), np.array([0.0, 1.0]))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            booster = xgb.train({"device": device, "tree_method": "hist", "verbosity": 0}, rows, 1)
    except xgb.core.XGBoostError as error:
        reason = str(error).splitlines()[0]
        raise ModelError(f"XGBoost can't train on `device: {device}`: {reason}", hint=hint) from error
    used = json.loads(booster.save_config())["learner"]["generic_param"]["device"]
    if not used.startswith(device):
        raise ModelError(
            f"XGBoost can't train on `device: {device}`: no GPU is visible to this process.", hint=hint
        )
