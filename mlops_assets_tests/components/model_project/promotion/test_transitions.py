"""What can be said of a version follows from where it stands."""

from types import SimpleNamespace

import pytest

from mlops_assets.components.model_project.promotion.transitions import Word, spoken_of
from mlops_assets.core.errors import TrackingError
from mlops_assets_tests.support.ledgers import FIRST, standing

EXPIRED = standing(*FIRST, ("registered", 2), ("rejected", 2), ("expired", 2))


@pytest.mark.parametrize("word", [Word.approve, Word.reject, Word.rollback, Word.retire])
def test_nothing_is_said_of_a_version_whose_files_are_gone(word, record_property):
    with pytest.raises(TrackingError, match="shop: version 2 has expired: because") as raised:
        spoken_of(SimpleNamespace(name="shop"), EXPIRED, word, 2, against_gates=True)
    assert "hint: train its like again: mlops run shop --force" in str(raised.value)
    record_property("told", str(raised.value))
