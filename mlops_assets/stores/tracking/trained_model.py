"""A model that a run has logged."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class TrainedModel:
    """A model that a run has logged.

    Attributes
    ----------
    run_id
        The MLflow run.
    uri
        Where the artifact is, `models:/m-…`.
    facts
        Our tags on the run, without their prefix.
    """

    run_id: str
    uri: str
    facts: Mapping[str, str]
    metrics: Mapping[str, float]

    @property
    def subject(self) -> str:
        """What a fault of it is told of."""
        return self.uri

    @property
    def serving_uri(self) -> str:
        """Where the model is that would serve: fitted again on all labelled rows, where the project
        refits.
        """
        return self.facts.get("serving_uri", self.uri)
