"""The place of an error of the service for its log, without the message, which could quote values of rows."""

import traceback

_FRAMES = 8


def error_place(error: BaseException) -> str:
    """Type and place of an error."""
    frames = traceback.extract_tb(error.__traceback__)
    places = " > ".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-_FRAMES:])
    return f"{type(error).__name__} at {places}"
