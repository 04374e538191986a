"""Files of fitted scikit-learn estimators, in the skops format: data, not code.

Unpickling a file can run any code. A skops file contains names of types and their state, and reading it
constructs only allowed types.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse
from sklearn.base import BaseEstimator
from skops import io as skops_io

from mlops_assets.core.errors import ModelError
from mlops_assets.ml.trusted_types import ENTRY_POINTS, untrusted

_PACKAGE = "mlops_assets.ml."


def dump_estimator(estimator: BaseEstimator, path: Path) -> None:
    """Write a fitted estimator.

    Raises
    ------
    ModelError
        When the estimator contains a type that `load_estimator` would reject.
    """
    path.write_bytes(skops_io.dumps(estimator))
    _require_allowed_types(path)


def load_estimator(path: Path) -> Any:
    """Read an estimator.

    Raises
    ------
    ModelError
        When the file names a type that is not allowed; nothing has been constructed then.
    """
    return skops_io.load(path, trusted=_require_allowed_types(path))


def estimator_digest(estimator: Any) -> str:
    """SHA-256 of the state of an estimator; unlike the skops file, it is equal for equal estimators."""
    digest = hashlib.sha256()
    _feed(digest, estimator)
    return digest.hexdigest()


def _require_allowed_types(path: Path) -> list[str]:
    named = list(skops_io.get_untrusted_types(file=path))
    if unknown := untrusted(named):
        raise ModelError(
            f"{path.name} contains types that are not allowed: {', '.join(unknown)}",
            hint="build pipeline.py from transformers of scikit-learn and mlops_assets.ml.transformers; for "
            f"your own, declare an entry point {ENTRY_POINTS} in an installed package (docs/modelling.md)",
        )
    return named


def _state(value: Any) -> Any:
    """The stored state of an object; transformers of this package omit state that they can recompute."""
    own = type(value).__module__.startswith(_PACKAGE)
    return value.__getstate__() if own else vars(value)


def _feed(digest: Any, value: Any) -> None:
    """Add a value to the digest in a fixed order; reject values without a canonical form."""
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
            raise ModelError(
                f"a fitted pipeline contains a {type(value)}, which has no canonical form",
                hint="use transformers whose state is numbers, text, arrays, lists or mappings",
            )
