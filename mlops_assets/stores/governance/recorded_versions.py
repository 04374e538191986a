"""Versions as the ledger records them: digests of models and inputs, compared with the tags in MLflow."""

from collections.abc import Iterator, Sequence

from mlops_assets.core.errors import StoreError
from mlops_assets.stores.governance.ledger.entries import Entry
from mlops_assets.stores.tracking.registry import RecordedVersion, Version

MODEL_FACTS = ("model_manifest", "evaluated_digest", "evaluated_manifest")
"""Facts of a version that the event of its registration records, beside the digest of its model."""
_INPUT_FACTS = ("training_set_version", "training_set_digest", "inputs", "cutoff")
_SHOWN = 12


def recorded_version(version: Version, entries: Sequence[Entry]) -> RecordedVersion:
    """A version with the digests of the ledger.

    Parameters
    ----------
    entries
        All entries of the ledger of its project.

    Raises
    ------
    StoreError
        If the ledger does not record the version, or MLflow has other facts of it.
    """
    registered = registration(version.version, entries)
    if registered is None:
        raise StoreError(
            f"{version.name}: version {version.version} is not in the ledger: it was registered outside of "
            "mlops_assets, or its registration was interrupted",
            hint=f"use a version that `mlops history {version.name}` lists, or train one: mlops run "
            f"{version.name}",
        )
    if found := [*differences(version, registered)]:
        raise StoreError(
            f"{version.name}: version {version.version} in MLflow is not the one that the ledger records: "
            f"{'; '.join(found)}. Its tags were changed after its registration, and it may be another model",
            hint=f"run `mlops audit {version.name}` for all differences, and restore MLflow's store from a "
            f"backup; or use another version: mlops rollback {version.name} --reason …, or mlops retire "
            f"{version.name} --reason …, then mlops run {version.name}",
        )
    return with_recorded_digests(version, registered)


def with_recorded_digests(version: Version, registered: Entry) -> RecordedVersion:
    """A version with the digests of its registration, whatever its tags are."""
    details = registered.event.details
    facts = {name: str(details[name]) for name in MODEL_FACTS if name in details}
    facts = {**version.facts, **facts, "model_digest": registered.event.model_digest}
    return RecordedVersion(version.name, version.version, version.run_id, version.uri, facts)


def registration(number: int, entries: Sequence[Entry]) -> Entry | None:
    """The entry that registers a version; None if the ledger does not have it."""
    events = (
        entry for entry in entries if entry.event.version == number and entry.event.kind == "registered"
    )
    return next(events, None)


def differences(version: Version, registered: Entry) -> Iterator[str]:
    """A message for each recorded fact of a model and its inputs that differs in the registry."""
    details = registered.event.details
    recorded = {"model_digest": registered.event.model_digest, **details}
    for name in ("model_digest", *MODEL_FACTS, *_INPUT_FACTS):
        found = version.facts.get(name, "" if name == "model_digest" else None)
        if name in recorded and found != recorded[name]:
            yield f"{name} is {_shown(found)} in MLflow and {_shown(recorded[name])} in the ledger"
    is_refitted, has_evaluated = "evaluated_manifest" in details, "evaluated_uri" in version.facts
    if "model_manifest" in details and is_refitted is not has_evaluated:  # not of entries without manifests
        yield f"evaluated_uri is {'missing' if is_refitted else 'set'} in MLflow, unlike in the ledger"


def changed_digests(entries: Sequence[Entry]) -> Iterator[str]:
    """A message for each entry that has another digest of a model than its registration."""
    registered: dict[int, Entry] = {}
    for entry in entries:
        first = registered.setdefault(entry.event.version, entry)
        if entry.event.model_digest != first.event.model_digest:
            yield (
                f"ledger entry {entry.sequence} ({entry.event.kind} version {entry.event.version}) has "
                f"another model digest than entry {first.sequence}"
            )


def _shown(value: object) -> str:
    if value is None or value == "":
        return "missing"
    text = str(value)
    return f"{text[:_SHOWN]}…" if len(text) > _SHOWN else text
