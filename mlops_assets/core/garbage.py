"""When Python searches for garbage: not among what imports and definitions create, which lives to the end."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_OBJECTS_OF_A_START = 400_000


@contextmanager
def without_garbage_collection() -> Iterator[None]:
    """Do not search for garbage while a block creates objects that live to the end."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def postpone_garbage_collection(objects: int = _OBJECTS_OF_A_START) -> None:
    """Search for garbage first after a number of new objects, and then as often as before.

    The start of a command creates that many objects, of modules and definitions. Python would visit them in
    hundreds of searches, a fifth of the start's time.
    """
    thresholds = gc.get_threshold()

    def restore(phase: str, info: dict[str, Any]) -> None:  # noqa: ARG001
        if phase == "stop":
            gc.callbacks.remove(restore)
            gc.set_threshold(*thresholds)

    gc.callbacks.append(restore)
    gc.set_threshold(objects, *thresholds[1:])
