"""How columns of features can be encoded, and the limits by which an encoding is chosen."""

from typing import Literal, get_args

Encoding = Literal["one_hot", "target", "frequency", "text", "date"]
"""How a column can be encoded."""
ENCODINGS: tuple[Encoding, ...] = get_args(Encoding)
FEW_VALUES, MANY_VALUES = 50, 1_000
"""Maximum number of distinct texts for one-hot encoding, and for target encoding."""
ROWS_A_VALUE = 2
"""Minimum mean number of rows per value for a column to be taken for categories."""
TOPICS, MAX_TOPICS = 30, 300
"""Maximum number of topics of a column of free text, and of all such columns together."""
