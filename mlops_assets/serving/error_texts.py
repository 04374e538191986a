"""Errors as texts for logs, without messages of other libraries, which could quote values of rows."""

import traceback

from mlops_assets.core.errors import MlopsError

_FRAMES = 8


def error_place(error: BaseException) -> str:
    """Type and place of an error."""
    frames = traceback.extract_tb(error.__traceback__)
    places = " > ".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-_FRAMES:])
    return f"{type(error).__name__} at {places}"


def error_message(error: BaseException) -> str:
    """The message of an error of this package; of any other error its type."""
    return error.message if isinstance(error, MlopsError) else type(error).__name__
