"""Errors with a message and a hint for the user."""

from mlops_assets.core.redaction.redact import redact, redact_values
from mlops_assets.core.text.visible_text import visible


class MlopsError(Exception):
    """Base class of the errors that a user can act on; secrets in message and hint are redacted.

    Control characters, as of a file's name, are shown as escapes.

    Parameters
    ----------
    message
        What is wrong: one sentence with the project, file, setting and value as far as known.
    hint
        What to do: an imperative sentence.
    without_values
        The message without values of the data, if the message may quote some; shown instead of it where
        columns are declared `sensitive`.
    """

    def __init__(self, message: str, *, hint: str | None = None, without_values: str | None = None) -> None:
        message = visible(redact(message))
        hint = None if hint is None else visible(redact_values(hint))
        super().__init__(_with_hint(message, hint))
        self.message = message
        self.hint = hint
        self.without_values = message if without_values is None else visible(redact(without_values))

    @property
    def text_without_values(self) -> str:
        """The message without values of the data, and the hint."""
        return _with_hint(self.without_values, self.hint)


def _with_hint(message: str, hint: str | None) -> str:
    return message if hint is None else f"{message}\n  hint: {hint}"


class ProjectError(MlopsError):
    """A project's declaration is invalid: `defs.yaml`, `schema.py`, `features.sql` or `pipeline.py`."""


class DataError(MlopsError):
    """The data can't be read or used."""


class StoreError(MlopsError):
    """A table or the state directory is missing, damaged or not accessible."""


class TrackingError(MlopsError):
    """The tracking store or its registry can't be reached, or lacks the requested object."""


class ModelError(MlopsError):
    """A model can't be trained, saved, loaded or applied."""


TABLE_UNCHANGED = "The table was not changed."
"""The last sentence of hints of errors in a source: a table is replaced only after its last row was read."""
