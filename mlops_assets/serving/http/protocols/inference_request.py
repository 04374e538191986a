"""The body of an inference request: JSON, and in the binary extension the bytes of tensors behind it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlops_assets.serving.http.bodies.json_body import kind_of, parse_json, reject_unknown
from mlops_assets.serving.http.bodies.request_rows import Columns
from mlops_assets.serving.http.errors import RequestError
from mlops_assets.serving.http.protocols.tensors import values_of_bytes, values_of_data

HEADER_LENGTH = "Inference-Header-Content-Length"
_HINT = 'send {"inputs": [{"name": column, "shape": [rows], "datatype": "FP64", "data": [values]}, …]}'


@dataclass(frozen=True)
class InferenceRequest:
    """A request of the protocol.

    Attributes
    ----------
    id
        The ID that the client has given, which the answer repeats.
    """

    id: str | None
    _columns: Mapping[str, Sequence[Any]]
    _count: int
    _outputs: Sequence[Mapping[str, Any]] | None
    _is_binary: bool

    @classmethod
    def parse(cls, body: bytes, header_length: str | None) -> "InferenceRequest":
        """Parse a body.

        Parameters
        ----------
        header_length
            The length of the JSON, if tensors follow it.

        Raises
        ------
        RequestError
            When the body does not follow the protocol, or the tensors differ in length.
        """
        length = len(body)
        if header_length is not None:
            if not (header_length.isascii() and header_length.isdigit() and len(header_length) < 20):
                raise RequestError(f"{HEADER_LENGTH} is not a number", hint="send the length of the JSON")
            length = min(int(header_length), length)
        values, rest = parse_json(body[:length]), memoryview(body)[length:]
        if not isinstance(values, dict) or not isinstance(values.get("inputs"), list):
            raise RequestError("the body has no array of inputs", hint=_HINT)
        columns: dict[str, Sequence[Any]] = {}
        for one in values["inputs"]:
            name, tensor, used = _tensor(one, rest)
            if name in columns:
                raise RequestError(f"input {name} occurs twice", hint=_HINT)
            columns[name], rest = tensor, rest[used:]
        if len(rest):
            raise RequestError(f"the body has {len(rest):,} bytes behind its inputs", hint="check the sizes")
        counts = {name: len(column) for name, column in columns.items()}
        if len(set(counts.values())) > 1:
            raise RequestError("the inputs differ in length", hint="send one value a row in each input")
        request_id, outputs = values.get("id"), values.get("outputs")
        if not isinstance(request_id, str | None):
            raise RequestError(f"id is {kind_of(request_id)}, not a text", hint=_HINT)
        if outputs is not None and not (
            isinstance(outputs, list)
            and all(isinstance(one, dict) and isinstance(one.get("name"), str) for one in outputs)
        ):
            raise RequestError(
                "outputs is not an array of objects with a name", hint="omit it for all outputs"
            )
        is_binary = _parameters(values).get("binary_data_output") is True
        return cls(request_id, columns, next(iter(counts.values()), 0), outputs, is_binary)

    def rows(self) -> Columns:
        """The rows: each input is a column."""
        return Columns(self._columns, self._count)

    def outputs(self, known: Sequence[str]) -> list[tuple[str, bool]]:
        """The outputs that are asked for, and whether as bytes.

        Raises
        ------
        RequestError
            When one is unknown.
        """
        if not self._outputs:
            return [(name, self._is_binary) for name in known]
        reject_unknown([one["name"] for one in self._outputs], known, "output")
        return [
            (one["name"], _parameters(one).get("binary_data", self._is_binary) is True)
            for one in self._outputs
        ]


def _tensor(one: object, rest: memoryview) -> tuple[str, list[Any], int]:
    """The name and the values of an input, and the number of bytes behind the JSON that it uses."""
    if not isinstance(one, dict) or not isinstance(one.get("name"), str):
        raise RequestError("an input is not an object with a name", hint=_HINT)
    name, datatype, shape = one["name"][:200], one.get("datatype"), one.get("shape")
    if not isinstance(datatype, str):
        raise RequestError(f"input {name} has no datatype", hint=_HINT)
    count = _count(name, shape)
    size = _parameters(one).get("binary_data_size")
    if size is None:
        return name, values_of_data(name, datatype, one.get("data"), count), 0
    if type(size) is not int or not 0 <= size <= len(rest):
        raise RequestError(
            f"binary_data_size of input {name} is not a length within the body",
            hint=f"send the JSON, whose length {HEADER_LENGTH} states, and the bytes of each input behind it",
        )
    return name, values_of_bytes(name, datatype, bytes(rest[:size]), count), size


def _count(name: str, shape: object) -> int:
    """The number of rows of a shape, `[n]` or `[n, 1]`."""
    if not isinstance(shape, list) or not shape or not all(type(one) is int and one >= 0 for one in shape):
        raise RequestError(f"the shape of input {name} is not an array of lengths", hint=_HINT)
    if len(shape) > 2 or math.prod(shape[1:]) != 1:
        raise RequestError(
            f"input {name} has the shape {shape[:5]}, not one value a row", hint="send the shape [rows]"
        )
    return int(shape[0])


def _parameters(values: Mapping[str, Any]) -> Mapping[str, Any]:
    found = values.get("parameters")
    return found if isinstance(found, dict) else {}
