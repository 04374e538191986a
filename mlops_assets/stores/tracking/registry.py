"""The model registry: the versions of a project's model, and the alias of the champion."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from mlops_assets.core.digests import text_digest
from mlops_assets.core.errors import TrackingError
from mlops_assets.core.names import CHAMPION
from mlops_assets.stores.system.process_lock import process_lock
from mlops_assets.stores.tracking.client import (
    TAG,
    lock_folder,
    make_current,
    own_tags,
    translate_mlflow_errors,
)

if TYPE_CHECKING:
    from mlops_assets.stores.tracking.trained_model import TrainedModel


@dataclass(frozen=True)
class Version:
    """A registered version."""

    name: str
    version: int
    run_id: str
    uri: str
    facts: Mapping[str, str]

    @property
    def subject(self) -> str:
        """Its name in error messages."""
        return f"{self.name} version {self.version} ({self.uri})"

    @property
    def as_evaluated(self) -> Self:
        """The evaluated model of the version, before it was refitted on all labelled rows."""
        if "evaluated_uri" not in self.facts:
            return self
        facts = {**self.facts, "model_digest": self.facts["evaluated_digest"]}
        if "evaluated_manifest" in facts:
            facts["model_manifest"] = facts["evaluated_manifest"]
        return replace(self, uri=self.facts["evaluated_uri"], facts=facts)


@dataclass(frozen=True)
class RecordedVersion(Version):
    """A version whose digests are those of the ledger, not those of the tags, which lie beside the model.

    `ChampionLedger.recorded` returns it, after ledger and tags were found to agree.
    """


class Registry:
    """The model registry of a tracking store, available as `TrackingStore.registry`."""

    def __init__(self, uri: str, client: MlflowClient) -> None:
        self.uri = uri
        self.client = client

    @contextmanager
    def lock(self, project: str, *, holder: str, on_wait: Callable[[str], None]) -> Iterator[None]:
        """Lock the registry of a project against other processes of this machine.

        A change that depends on the current versions reads and writes inside the lock. Processes on other
        machines are not locked out.
        """
        name = f"{text_digest(self.uri)[:8]}-{project}.registry.lock"
        subject = f"the registry of {project}"
        with process_lock(lock_folder(self.uri) / name, subject=subject, holder=holder, on_wait=on_wait):
            yield

    @translate_mlflow_errors
    def register(self, project: str, model: "TrainedModel", facts: Mapping[str, str]) -> Version:
        """Register a model as the project's next version; a registered model keeps its version.

        Call it inside `lock`, so that no model is registered twice.
        """
        try:
            self.client.get_registered_model(project)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            self.client.create_registered_model(project)
        known = self.client.search_model_versions(f"name = '{project}' and run_id = '{model.run_id}'")
        tags = {f"{TAG}{name}": value for name, value in facts.items()}
        if known:
            for name, value in tags.items():
                self.client.set_model_version_tag(project, known[0].version, name, value)
            return self.version(project, int(known[0].version))
        make_current(self.uri)
        uri = model.serving_uri
        created = self.client.create_model_version(
            project, source=uri, run_id=model.run_id, tags=tags, model_id=uri.rsplit("/", 1)[-1]
        )
        return self.version(project, int(created.version))

    @translate_mlflow_errors
    def version(self, project: str, version: int) -> Version:
        """Return a registered version.

        Raises
        ------
        TrackingError
            When there is no such version.
        """
        try:
            return _version(self.client.get_model_version(project, str(version)))
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            known = sorted(found.version for found in self.versions(project))
            raise TrackingError(
                f"{project} has no version {version} in the registry",
                hint=f"choose one of {', '.join(map(str, known))}"
                if known
                else f"register a version: mlops run {project}",
            ) from error

    @translate_mlflow_errors
    def versions(self, project: str) -> list[Version]:
        """Return all versions, newest first."""
        found: list[Version] = []
        token: str | None = None
        while token is None or token:
            page = self.client.search_model_versions(f"name = '{project}'", page_token=token)
            found.extend(map(_version, page))
            token = page.token or ""
        return sorted(found, key=lambda version: version.version, reverse=True)

    @translate_mlflow_errors
    def projects(self) -> list[str]:
        """Return the names of all registered models."""
        found: list[str] = []
        token: str | None = None
        while token is None or token:
            page = self.client.search_registered_models(page_token=token)
            found.extend(model.name for model in page)
            token = page.token or ""
        return sorted(found)

    @translate_mlflow_errors
    def version_of(self, project: str, run_id: str) -> Version:
        """Return the version of a run's model."""
        found = self.client.search_model_versions(f"name = '{project}' and run_id = '{run_id}'")
        if not found:
            raise TrackingError(
                f"{project}: the model of run {run_id} is not registered",
                hint=f"materialize {project}/registered_model first",
            )
        return _version(found[0])

    def champion(self, project: str) -> Version | None:
        """Return the champion; None if there is none."""
        return self.version_with_alias(project, CHAMPION)

    @translate_mlflow_errors
    def version_with_alias(self, project: str, alias: str) -> Version | None:
        """Return the version that an alias points at; None if there is none."""
        try:
            return _version(self.client.get_model_version_by_alias(project, alias))
        except MlflowException as error:
            if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                return None
            raise

    @translate_mlflow_errors
    def promote(self, project: str, version: int | None) -> None:
        """Point the champion alias at a version, or remove it."""
        if version is None:
            self.client.delete_registered_model_alias(project, CHAMPION)
        else:
            self.client.set_registered_model_alias(project, CHAMPION, str(version))

    @translate_mlflow_errors
    def set_version_tags(self, project: str, version: int, facts: Mapping[str, str]) -> None:
        """Set tags of a version; a version that was deleted in MLflow is ignored."""
        try:
            for name, value in facts.items():
                self.client.set_model_version_tag(project, str(version), f"{TAG}{name}", value)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise

    @translate_mlflow_errors
    def delete_version_tags(self, project: str, version: int, facts: Iterable[str]) -> None:
        """Delete tags of a version."""
        for name in facts:
            self.client.delete_model_version_tag(project, str(version), f"{TAG}{name}")

    @translate_mlflow_errors
    def description(self, project: str, version: int) -> str:
        """Return the description of a version, its card in Markdown."""
        return str(self.client.get_model_version(project, str(version)).description or "")

    @translate_mlflow_errors
    def set_description(self, project: str, version: int, text: str) -> None:
        """Set the description of a version that MLflow shows, in Markdown."""
        self.client.update_model_version(project, str(version), text)

    @translate_mlflow_errors
    def set_model_tags(self, project: str, facts: Mapping[str, str]) -> None:
        """Set tags of the project's registered model."""
        for name, value in facts.items():
            self.client.set_registered_model_tag(project, f"{TAG}{name}", value)

    @translate_mlflow_errors
    def get_model_tags(self, project: str) -> dict[str, str]:
        """Return the tags of the project's registered model; empty if nothing is registered."""
        try:
            return own_tags(self.client.get_registered_model(project).tags)
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return {}
            raise


def _version(found: Any) -> Version:
    return Version(found.name, int(found.version), found.run_id, found.source, own_tags(found.tags))
