"""Tensors of the Open Inference Protocol as columns of values, in JSON or in the binary extension."""

import struct
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from mlops_assets.serving.http.errors import RequestError

_DTYPES = {
    "BOOL": "?",
    **{f"INT{bits}": f"<i{bits // 8}" for bits in (8, 16, 32, 64)},
    **{f"UINT{bits}": f"<u{bits // 8}" for bits in (8, 16, 32, 64)},
    **{f"FP{bits}": f"<f{bits // 8}" for bits in (16, 32, 64)},
}
OUTPUT_TYPES: dict[type, str] = {str: "BYTES", int: "INT64", float: "FP64", bool: "BOOL"}
"""The data types of the columns of predictions."""


def values_of_data(name: str, datatype: str, data: object, count: int) -> list[Any]:
    """The values of a tensor in JSON; null is a missing value.

    Raises
    ------
    RequestError
        When they do not have the declared type, or are another number.
    """
    values = list(_flat(data)) if isinstance(data, list) else None
    if values is None or len(values) != count:
        found = "no array" if values is None else f"{len(values):,} values"
        raise RequestError(f"the data of input {name} is {found}, its shape has {count:,}", hint="see /docs")
    convert = _converter(datatype)
    found_values = []
    for place, value in enumerate(values):
        converted = None if value is None else convert(value)
        if converted is None and value is not None:
            raise RequestError(
                f"value {place} of input {name} is not {datatype}", hint="declare the data type of the values"
            )
        found_values.append(converted)
    return found_values


def values_of_bytes(name: str, datatype: str, data: bytes, count: int) -> list[Any]:
    """The values of a tensor in bytes.

    Raises
    ------
    RequestError
        When the length is not that of the shape, or a text is not UTF-8.
    """
    problem = f"the binary data of input {name} does not have {count:,} values of {datatype}"
    if datatype != "BYTES":
        dtype = np.dtype(_dtype(datatype))
        if len(data) != count * dtype.itemsize:
            raise RequestError(problem, hint="compare shape, datatype and binary_data_size")
        if datatype == "BOOL":
            return [bool(value) for value in data]
        return np.frombuffer(data, dtype).tolist()
    texts, place = [], 0
    try:
        while place < len(data):
            (length,) = struct.unpack_from("<I", data, place)
            place += 4 + length
            texts.append(data[place - length : place].decode("utf-8"))
    except (struct.error, UnicodeDecodeError):
        raise RequestError(problem, hint="write texts in UTF-8, each after its length in 4 bytes") from None
    if place != len(data) or len(texts) != count:
        raise RequestError(problem, hint="compare shape, datatype and binary_data_size")
    return texts


def bytes_of_values(datatype: str, values: Sequence[Any]) -> bytes:
    """The values of an output in bytes."""
    if datatype == "BYTES":
        encoded = [value.encode("utf-8") for value in values]
        return b"".join(struct.pack("<I", len(text)) + text for text in encoded)
    return np.asarray(values, dtype=_DTYPES[datatype]).tobytes()


def _flat(values: list[Any]) -> Iterator[Any]:
    """The values of an array, or of an array of arrays."""
    for value in values:
        if isinstance(value, list):
            yield from value
        else:
            yield value


def _dtype(datatype: str) -> str:
    if datatype not in _DTYPES:
        raise RequestError(
            f"inputs of datatype {datatype[:40]} are not read", hint=f"use BYTES, {', '.join(_DTYPES)}"
        )
    return _DTYPES[datatype]


def _converter(datatype: str) -> Callable[[Any], Any]:
    """A conversion of JSON values, which returns None for a value that does not have the type."""
    if datatype == "BYTES":
        return lambda value: value if type(value) is str else None
    dtype = np.dtype(_dtype(datatype))
    if datatype == "BOOL":
        return lambda value: value if type(value) is bool else bool(value) if value in (0, 1) else None
    if dtype.kind == "f":
        return lambda value: _float(value, dtype)
    limits = np.iinfo(dtype)
    return lambda value: value if type(value) is int and limits.min <= value <= limits.max else None


def _float(value: Any, dtype: np.dtype[Any]) -> float | None:
    if type(value) not in (int, float):
        return None
    with np.errstate(over="ignore"):
        try:
            return float(dtype.type(value))
        except OverflowError:
            return None
