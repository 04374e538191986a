"""The protocol of online stores, and the description of what one holds."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import NamedTuple, Protocol, Self

from mlops_assets.core.errors import StoreError

FORMAT = 1
"""Version of the encoding of rows, raised with each incompatible change."""

Item = tuple[bytes, bytes]
"""The key of an entity and its encoded row, see `encoding`."""


class OnlineColumn(NamedTuple):
    """A column and its SQL type, such as `DOUBLE`."""

    name: str
    type: str


@dataclass(frozen=True)
class Snapshot:
    """What an online store holds of a project.

    Attributes
    ----------
    entity, features
        The columns of the key, and of the row.
    partitions
        Partitions that the rows are from, and the timestamps (UTC) as of which these have computed them.
    rows
        The number of entities.
    content
        Digest of the features that it was computed from.
    written_at
        When it was written, ISO 8601.
    """

    project: str
    entity: tuple[OnlineColumn, ...]
    features: tuple[OnlineColumn, ...]
    partitions: tuple[tuple[str, datetime], ...]
    rows: int
    content: str
    written_at: str

    @property
    def newest_as_of(self) -> datetime | None:
        """The timestamp of the newest features; None without rows."""
        return max((as_of for _, as_of in self.partitions), default=None)

    def to_text(self) -> str:
        """The description as JSON."""
        partitions = [(partition, as_of.isoformat()) for partition, as_of in self.partitions]
        return json.dumps({"format": FORMAT, **asdict(self), "partitions": partitions})

    @classmethod
    def from_text(cls, text: str | bytes, *, subject: str) -> Self:
        """Parse a description.

        Raises
        ------
        StoreError
            When it is damaged, or of another format.
        """
        try:
            values = json.loads(text)
            found = values.pop("format")
            if found == FORMAT:
                partitions = tuple(
                    (partition, datetime.fromisoformat(as_of)) for partition, as_of in values["partitions"]
                )
                columns = {
                    name: tuple(OnlineColumn(*column) for column in values[name])
                    for name in ("entity", "features")
                }
                return cls(**{**values, **columns, "partitions": partitions})
        except (ValueError, KeyError, TypeError) as error:
            raise StoreError(
                f"{subject}: its description is damaged: {type(error).__name__}",
                hint="materialize features_online again",
            ) from error
        raise StoreError(
            f"{subject} has format {found}, and this version of mlops_assets reads format {FORMAT}",
            hint="materialize features_online again with this version",
        )


class OnlineStore(Protocol):
    """The online features of one project.

    All methods raise `StoreError` when the store can't be used; it is unchanged then.
    """

    @property
    def display_name(self) -> str:
        """The store for messages and metadata; it contains no secret."""

    @property
    def is_local(self) -> bool:
        """Whether a read takes microseconds; reads of other stores wait for the network."""

    def write(self, snapshot: Snapshot, batches: Iterable[Sequence[Item]]) -> int:
        """Replace everything atomically, and return the size in bytes.

        Readers see the rows before or those after, never a mixture. When a batch fails to be computed, the
        store is unchanged.
        """

    def snapshot(self) -> Snapshot | None:
        """The description of what it holds; None before the first write."""

    def get(self, keys: Sequence[bytes]) -> tuple[Snapshot, list[bytes | None]]:
        """The rows of entities from one snapshot, in the order of the keys; None for an unknown key.

        Raises
        ------
        StoreError
            Also before the first write.
        """

    def items(self) -> Iterator[Sequence[Item]]:
        """Yield everything in batches."""

    def remove(self, keys: Sequence[bytes]) -> int:
        """Remove entities without a trace, and return how many were there."""


def not_written(project: str, store: str) -> StoreError:
    """The error for a store without a snapshot."""
    return StoreError(
        f"{project} has no online features in {store}",
        hint=f"write them: mlops run {project}, or materialize {project}/features_online",
    )


def write_failed(project: str, store: str, reason: str, *, hint: str) -> StoreError:
    """The error for a failed write; what was written before stays."""
    return StoreError(
        f"{project}: online features can't be written to {store}: {reason}. Those written before are "
        "unchanged.",
        hint=hint,
    )
