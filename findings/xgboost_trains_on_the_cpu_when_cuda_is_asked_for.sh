#!/usr/bin/env bash
# XGBoost 3.2.0, built with CUDA, Python 3.11 (November 2026)
#
# What one expects: training with `device: cuda` fails where no GPU is visible, at least with `fail_on_invalid_gpu_id`, which
# the library accepts and stores.
# What happens: it trains on the CPU with either value. Two Python warnings say so; a job whose image lost its driver takes a
# day instead of an hour and succeeds. The configuration of the trained booster is what a program can rely on: its device is "cpu".
#
#   fail_on_invalid_gpu_id True: 5 trees, device of the booster: cpu
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check xgboost==3.2.0 numpy==2.2.6
CUDA_VISIBLE_DEVICES="" "$folder/venv/bin/python" - <<'PYTHON'
import json
import warnings

import numpy as np
import xgboost as xgb

rows = np.arange(200.0).reshape(100, 2)
assert xgb.build_info()["USE_CUDA"]
for strict in (False, True):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        booster = xgb.train(
            {"device": "cuda", "fail_on_invalid_gpu_id": strict}, xgb.DMatrix(rows, rows.sum(1)), 5
        )
    general = json.loads(booster.save_config())["learner"]["generic_param"]
    print(
        f"fail_on_invalid_gpu_id {strict}: {booster.num_boosted_rounds()} trees, {len(caught)} warnings, "
        f"device of the booster: {general['device']}"
    )
    assert booster.num_boosted_rounds() == 5
    assert general["fail_on_invalid_gpu_id"] == str(int(strict)), general
    assert general["device"] == "cpu", general
PYTHON
