"""Many rows are divided among cores, few are not, and a row has the same prediction."""

from threading import get_ident

import numpy as np
import pytest

from mlops_assets.ml.scoring.compiled import cores
from mlops_assets.ml.scoring.compiled.cores import LEAST_ROWS, Cores, available_cores
from mlops_assets.ml.scoring.compiled.not_compiled import NotCompiledError


def test_each_core_takes_a_part_of_many_rows_and_the_order_is_kept():
    parts = []

    def predict(columns):
        parts.append((get_ident(), len(columns["size"])))
        return columns["size"] * 2.0

    sizes = np.arange(3.0 * LEAST_ROWS + 7)
    found = Cores(8).apply(predict, {"size": sizes, "kind": sizes.astype(object)})
    assert found.tolist() == (sizes * 2).tolist()
    assert sorted(rows for _, rows in parts) == [252, 252, 253]
    assert parts[0][0] == get_ident() or len({thread for thread, _ in parts}) > 1
    parts.clear()
    Cores(8).apply(predict, {"size": sizes[: 2 * LEAST_ROWS - 1]})
    Cores(1).apply(predict, {"size": sizes})
    assert [thread for thread, _ in parts] == [get_ident()] * 2


def test_an_error_of_any_part_is_that_of_the_rows():
    def predict(columns):
        if columns["size"][0] > 0:
            raise NotCompiledError("an unknown value")
        return columns["size"]

    with pytest.raises(NotCompiledError, match="an unknown value"):
        Cores(2).apply(predict, {"size": np.arange(2.0 * LEAST_ROWS)})


@pytest.mark.parametrize(
    ("quota", "expected"), [("max 100000", 4), ("250000 100000", 2), ("50000 100000", 1)]
)
def test_the_limit_of_a_container_counts(tmp_path, monkeypatch, quota, expected):
    file = tmp_path / "cpu.max"
    file.write_text(quota)
    monkeypatch.setattr(cores, "_QUOTA", file)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: range(4), raising=False)
    assert available_cores() == expected
