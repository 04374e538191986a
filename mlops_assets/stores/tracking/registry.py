"""The registry: versions of a project's model, and the alias of the one that serves."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from mlops_assets.core.digests import text_digest
from mlops_assets.core.errors import TrackingError
from mlops_assets.core.names import CHAMPION
from mlops_assets.stores.system.process_lock import held
from mlops_assets.stores.tracking.client import TAG, facts_of, lock_folder, make_current, reaching

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
        """What a fault of it is told of."""
        return f"{self.name} version {self.version} ({self.uri})"

    @property
    def as_judged(self) -> "Version":
        """The model behind the version as it was judged, before it was fitted again on all labelled rows."""
        if "judged_uri" not in self.facts:
            return self
        facts = {**self.facts, "model_digest": self.facts["judged_digest"]}
        if "judged_manifest" in facts:
            facts["model_manifest"] = facts["judged_manifest"]
        return replace(self, uri=self.facts["judged_uri"], facts=facts)


class Registry:
    """The registry of the store at an address; `TrackingStore.registry` is it."""

    def __init__(self, uri: str, client: MlflowClient) -> None:
        self.uri = uri
        self.client = client

    @contextmanager
    def turn(self, project: str, *, by: str, on_wait: Callable[[str], None]) -> Iterator[None]:
        """Wait for whoever registers or promotes a version of the project, and keep others waiting.

        Who looks at what is registered and then changes it does both inside its turn. Processes of other
        machines don't wait.
        """
        name = f"{text_digest(self.uri)[:8]}-{project}.registry.lock"
        what = f"the registry of {project}"
        with held(lock_folder(self.uri) / name, what=what, by=by, on_wait=on_wait):
            yield

    @reaching
    def register(self, project: str, model: "TrainedModel", facts: Mapping[str, str]) -> Version:
        """Register a model as the project's next version; one that is registered already stays what it is.

        Called inside a `turn`, so that no model becomes two versions.
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

    @reaching
    def version(self, project: str, version: int) -> Version:
        """A registered version.

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
                hint=f"it has {', '.join(map(str, known))}" if known else "none has been registered yet",
            ) from error

    @reaching
    def versions(self, project: str) -> list[Version]:
        """All versions, the newest first."""
        found: list[Version] = []
        token: str | None = None
        while token is None or token:
            page = self.client.search_model_versions(f"name = '{project}'", page_token=token)
            found.extend(map(_version, page))
            token = page.token or ""
        return sorted(found, key=lambda version: version.version, reverse=True)

    @reaching
    def projects(self) -> list[str]:
        """The names of all registered models."""
        found: list[str] = []
        token: str | None = None
        while token is None or token:
            page = self.client.search_registered_models(page_token=token)
            found.extend(model.name for model in page)
            token = page.token or ""
        return sorted(found)

    @reaching
    def version_of(self, project: str, run_id: str) -> Version:
        """The version that a run's model was registered as."""
        found = self.client.search_model_versions(f"name = '{project}' and run_id = '{run_id}'")
        if not found:
            raise TrackingError(
                f"{project}: the model of run {run_id} is not registered",
                hint=f"materialize {project}/registered_model first",
            )
        return _version(found[0])

    @reaching
    def champion(self, project: str) -> Version | None:
        """The version that serves, if there is one."""
        try:
            return _version(self.client.get_model_version_by_alias(project, CHAMPION))
        except MlflowException as error:
            if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                return None
            raise

    @reaching
    def promote(self, project: str, version: int | None) -> None:
        """Point the champion alias at a version, or at none."""
        if version is None:
            self.client.delete_registered_model_alias(project, CHAMPION)
        else:
            self.client.set_registered_model_alias(project, CHAMPION, str(version))

    @reaching
    def tell(self, project: str, version: int, facts: Mapping[str, str]) -> None:
        """Facts of a version, as tags; one that somebody deleted is told nothing."""
        try:
            for name, value in facts.items():
                self.client.set_model_version_tag(project, str(version), f"{TAG}{name}", value)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise

    @reaching
    def forget(self, project: str, version: int, facts: Iterable[str]) -> None:
        """Take facts of a version away."""
        for name in facts:
            self.client.delete_model_version_tag(project, str(version), f"{TAG}{name}")

    @reaching
    def describe(self, project: str, version: int, text: str) -> None:
        """What MLflow shows of a version, in Markdown."""
        self.client.update_model_version(project, str(version), text)

    @reaching
    def tell_of_all(self, project: str, facts: Mapping[str, str]) -> None:
        """Facts of the project's registered model, as tags."""
        for name, value in facts.items():
            self.client.set_registered_model_tag(project, f"{TAG}{name}", value)

    @reaching
    def told_of_all(self, project: str) -> dict[str, str]:
        """Facts of the project's registered model; none where nothing is registered."""
        try:
            return facts_of(self.client.get_registered_model(project).tags)
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return {}
            raise


def _version(found: Any) -> Version:
    return Version(found.name, int(found.version), found.run_id, found.source, facts_of(found.tags))
