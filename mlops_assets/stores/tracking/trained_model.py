"""The record of a model that a run has logged."""

from collections.abc import Mapping
from dataclasses import dataclass


def is_refitted(facts: Mapping[str, str]) -> bool:
    """Whether the model to deploy was fitted again on all labelled rows, after the evaluation."""
    return "serving_uri" in facts


@dataclass(frozen=True)
class TrainedModel:
    """A model that a run has logged.

    Attributes
    ----------
    run_id
        The MLflow run.
    uri
        URI of the logged model, `models:/m-…`.
    facts
        Tags of mlops_assets on the run, without their prefix.
    """

    run_id: str
    uri: str
    facts: Mapping[str, str]
    metrics: Mapping[str, float]

    @property
    def subject(self) -> str:
        """Its name in error messages."""
        return self.uri

    @property
    def serving_uri(self) -> str:
        """URI of the model to deploy: the refitted one if the project refits on all labelled rows."""
        return self.facts.get("serving_uri", self.uri)
