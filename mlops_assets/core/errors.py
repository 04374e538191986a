"""The errors that a person is meant to read."""


class MlopsError(Exception):
    """Something foreseeable went wrong; the message says what, the hint says what to do.

    Parameters
    ----------
    message
        One sentence that names the project, the file, the field and the value as far as known.
    hint
        One sentence that says the way out.
    """

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message if hint is None else f"{message}\n  hint: {hint}")
        self.message = message
        self.hint = hint


class ProjectError(MlopsError):
    """A project is declared wrongly: `defs.yaml`, `schema.py`, `features.sql`, `pipeline.py`."""


class DataError(MlopsError):
    """The data can't be read, or can't be used as it is."""


class StoreError(MlopsError):
    """A table or the state directory is not what it should be."""


class TrackingError(MlopsError):
    """The tracking store or its registry can't be reached, or lacks what was asked for."""


class ModelError(MlopsError):
    """A model can't be trained, saved, loaded or applied."""
