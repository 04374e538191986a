"""scikit-learn estimators as files that hold data, not code.

Unpickling runs whatever the file says. A skops file names types and holds their state; reading one constructs
only types that are on the list.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse
from sklearn.base import BaseEstimator
from skops import io as skops_io

from mlops_assets.compat.sklearn import MAKE_COLUMN_SELECTOR
from mlops_assets.core.errors import ModelError

ALLOWED_TYPES = frozenset(
    {
        "numpy.dtype",
        # Picks a frame's columns by their types; `object` is pandas' type of text.
        MAKE_COLUMN_SELECTOR,
        "builtins.object",
    }
)
"""Types that a file may name beyond those of scikit-learn and NumPy that skops knows to be harmless."""
ALLOWED_PREFIXES = ("mlops_assets.ml.",)
"""Our own building blocks."""


def dump_estimator(estimator: BaseEstimator, path: Path) -> None:
    """Write a fitted estimator; refuse at once what `load_estimator` would refuse later."""
    path.write_bytes(skops_io.dumps(estimator))
    _refuse_unknown(path)


def load_estimator(path: Path) -> Any:
    """Read an estimator.

    Raises
    ------
    ModelError
        When the file names a type that is not on our list; nothing has been constructed then.
    """
    return skops_io.load(path, trusted=_refuse_unknown(path))


def estimator_digest(estimator: Any) -> str:
    """SHA-256 of an estimator's whole state; two skops files of one estimator differ, this does not."""
    digest = hashlib.sha256()
    _feed(digest, estimator)
    return digest.hexdigest()


def _refuse_unknown(path: Path) -> list[str]:
    named = skops_io.get_untrusted_types(file=path)
    unknown = [name for name in named if name not in ALLOWED_TYPES and not name.startswith(ALLOWED_PREFIXES)]
    if unknown:
        raise ModelError(
            f"{path.name} names types that are not on the list of mlops_assets: {', '.join(unknown)}",
            hint="build pipeline.py from scikit-learn's transformers and those of mlops_assets.ml",
        )
    return list(named)


def _state(value: Any) -> Any:
    """What is kept of an object; our own building blocks leave out what they can compute again."""
    ours = type(value).__module__.startswith(ALLOWED_PREFIXES)
    return value.__getstate__() if ours else vars(value)


def _feed(digest: Any, value: Any) -> None:
    """Walk a value in a fixed order; refuse what has no canonical form."""
    tag = type(value).__qualname__
    match value:
        case None | bool() | int() | float() | str() | np.generic():
            digest.update(f"{tag}:{value!r};".encode())
        case np.ndarray() if value.dtype == object:
            digest.update(f"objects:{value.shape};".encode())
            for item in value.ravel():
                _feed(digest, item)
        case np.ndarray():
            digest.update(f"array:{value.dtype.str}:{value.shape};".encode())
            digest.update(np.ascontiguousarray(value).tobytes())
        case np.dtype():
            digest.update(f"dtype:{value.str};".encode())
        case Mapping():
            digest.update(f"{tag}:{len(value)};".encode())
            for key in sorted(value, key=repr):
                _feed(digest, key)
                _feed(digest, value[key])
        case list() | tuple():
            digest.update(f"{tag}:{len(value)};".encode())
            for item in value:
                _feed(digest, item)
        case slice():
            _feed(digest, (value.start, value.stop, value.step))
        case type():
            digest.update(f"type:{value.__module__}.{value.__qualname__};".encode())
        case _ if scipy.sparse.issparse(value):
            matrix = value.tocsr()
            _feed(digest, (matrix.shape, matrix.data, matrix.indices, matrix.indptr))
        case _ if callable(value) and hasattr(value, "__qualname__"):
            digest.update(f"function:{value.__module__}.{value.__qualname__};".encode())
        case _ if hasattr(value, "__dict__"):
            digest.update(f"object:{type(value).__module__}.{tag};".encode())
            _feed(digest, _state(value))
        case _:
            raise ModelError(f"a fitted pipeline holds a {type(value)}, whose digest is not defined")
