"""Whether an Arrow IPC stream has compressed buffers, which could unpack to any size.

pyarrow unpacks while it reads and has no limit, so the messages are searched before: a message is a
FlatBuffers table, whose layout the Arrow format fixes.
"""

import struct

_CONTINUATION = b"\xff\xff\xff\xff"
_DICTIONARY, _RECORDS = 2, 3
_HEADER_TYPE, _HEADER, _BODY_LENGTH = 1, 2, 3
"""Fields of `Message`."""
_COMPRESSION, _DATA = 3, 1
"""Fields of `RecordBatch`, and of `DictionaryBatch`."""


def has_compression(stream: memoryview) -> bool:
    """Whether any message has compressed buffers.

    Raises
    ------
    ValueError
        When the messages do not follow each other as the format requires.
    """
    place = 0
    try:
        while place + 4 <= len(stream):
            if stream[place : place + 4] == _CONTINUATION:
                place += 4
            (length,) = struct.unpack_from("<i", stream, place)
            place += 4
            if length == 0:
                return False
            if length < 0 or place + length > len(stream):
                raise ValueError("a message is longer than the stream")
            compressed, size = _message(stream[place : place + length])
            if compressed:
                return True
            if size < 0:
                raise ValueError("a message has a negative length")
            place += length + size
    except struct.error as error:
        raise ValueError("a message is damaged") from error
    return False


def _message(data: memoryview) -> tuple[bool, int]:
    """Whether a message has compressed buffers, and the length of its body."""
    root = struct.unpack_from("<I", data, 0)[0]
    place = _field(data, root, _BODY_LENGTH)
    size = struct.unpack_from("<q", data, place)[0] if place else 0
    kind_place, header = _field(data, root, _HEADER_TYPE), _table(data, root, _HEADER)
    kind = data[kind_place] if kind_place else 0
    if kind == _DICTIONARY and header:
        header = _table(data, header, _DATA)
    if kind not in (_DICTIONARY, _RECORDS) or not header:
        return False, size
    return bool(_field(data, header, _COMPRESSION)), size


def _field(data: memoryview, table: int, number: int) -> int:
    """The place of a field of a table; 0 if it is absent."""
    vtable = table - struct.unpack_from("<i", data, table)[0]
    if vtable < 0:
        raise ValueError("a table is damaged")
    if 4 + 2 * number >= struct.unpack_from("<H", data, vtable)[0]:
        return 0
    offset: int = struct.unpack_from("<H", data, vtable + 4 + 2 * number)[0]
    return table + offset if offset else 0


def _table(data: memoryview, table: int, number: int) -> int:
    """The place of a table that a field refers to; 0 if it is absent."""
    place = _field(data, table, number)
    return place + struct.unpack_from("<I", data, place)[0] if place else 0
