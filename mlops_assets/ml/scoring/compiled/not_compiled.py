"""The reason why a step of a model is not compiled."""


class NotCompiledError(Exception):
    """A step has no compiled form; its reference computes it."""
