"""Files of metrics on a disk that becomes full."""

import errno
import os

import pytest

from mlops_assets.serving.metrics import reserved_files
from mlops_assets.serving.metrics.reserved_files import ReservedFile, reserve_metrics
from mlops_assets.serving.process.run_folder import METRICS_VARIABLE


def test_a_value_without_room_is_missing_until_there_is_some(tmp_path, monkeypatch):
    values = ReservedFile(str(tmp_path / "counter_1.db"))
    keys = [f"key {number} {'x' * 1000}" for number in range(200)]

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(reserved_files, "_reserve", full)
        for key in keys:
            assert values.read_value(key) == (0.0, 0.0)
            values.write_value(key, 3.0, 0.0)
        assert 0 < len(list(values.read_all_values())) < len(keys)
    for key in keys:
        values.write_value(key, 4.0, 0.0)
    assert [value for _, value, _ in values.read_all_values()] == [4.0] * len(keys)
    values.close()


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="the system can't reserve room")
def test_the_room_of_a_process_is_reserved_at_its_start(tmp_path, monkeypatch):
    monkeypatch.setenv(METRICS_VARIABLE, str(tmp_path))
    monkeypatch.setattr(reserved_files.values, "MmapedDict", ReservedFile)
    reserve_metrics()
    for kind in ("counter", "histogram", "gauge_mostrecent"):
        found = (tmp_path / f"{kind}_{os.getpid()}.db").stat()
        assert found.st_blocks * 512 >= found.st_size >= 1 << 18
