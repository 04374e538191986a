"""What `mlops forget` reports: the same facts before a removal, in a dry run, and after it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from mlops_assets.core.names import view_name
from mlops_assets.stores.forgetting.online_rows import FoundOnline
from mlops_assets.stores.forgetting.table_rows import Found
from mlops_assets.stores.forgetting.texts import TextPlace
from mlops_assets.workspace.forgetting.removal import Removal
from mlops_assets.workspace.forgetting.targets import InSource, Target, TrainedOn


@dataclass(frozen=True)
class Report:
    """What an entity has left in a project.

    Attributes
    ----------
    tables
        Its rows in each table, before the removal.
    texts
        Other files and databases that contain its ID.
    online
        Its rows in online stores, before the removal.
    ledger_entries
        The number of entries of the ledger that contain the ID.
    """

    target: Target
    tables: tuple[Found, ...]
    models: tuple[TrainedOn, ...]
    sources: tuple[InSource, ...]
    texts: tuple[TextPlace, ...]
    online: tuple[FoundOnline, ...]
    ledger_entries: int
    with_sources: bool

    @classmethod
    def of(cls, target: Target, *, with_sources: bool) -> "Report":
        """Search all places; nothing is changed."""
        return cls(
            target,
            tuple(target.rows().find()),
            tuple(target.models()),
            tuple(target.sources()) if with_sources else (),
            tuple(target.texts(replace_them=False)),
            tuple(one.find() for one in target.online()),
            target.in_ledger(),
            with_sources,
        )

    def after(self, removal: Removal) -> "Report":
        """The report after a removal."""
        return replace(self, texts=removal.texts)

    def to_json(self) -> dict[str, Any]:
        """The report as `mlops forget --json` prints it, without the ID."""
        return {
            "project": self.target.project,
            "entity": self.target.entity.digest,
            "columns": list(self.target.entity.columns),
            "tables": [
                {
                    "table": view_name(one.table),
                    "rows": one.rows,
                    "current_rows": one.current,
                    "versions": one.versions,
                    "searched": one.searched,
                }
                for one in self.tables
            ],
            "models": [vars(one) for one in self.models],
            "sources": [vars(one) for one in self.sources],
            "texts": [{**vars(one), "path": str(one.path)} for one in self.texts],
            "online": [vars(one) for one in self.online],
            "ledger_entries": self.ledger_entries,
        }

    def lines(self, *, dry_run: bool, retrains: bool = False) -> Iterator[str]:
        """Yield the report as lines of text, after the table of the rows."""
        project, rows = self.target.project, sum(one.rows for one in self.tables)
        tables = sum(bool(one.rows) for one in self.tables)
        done = "would be removed" if dry_run else "removed"
        yield f"{rows:,} rows {done} from {tables} tables; entity {self.target.entity.label} (keyed digest)"
        if not rows and not self.models:
            yield "no row of it was found: check the ID, and the column that identifies it"
        if unsearched := [view_name(one.table) for one in self.tables if not one.searched]:
            columns = ", ".join(self.target.entity.columns)
            yield (
                f"without {columns}, so no row can be attributed: {', '.join(unsearched)}; if another column "
                "identifies it there, forget it again with --column"
            )
        yield from self._online_lines(done)
        yield from self._model_lines(project, retrains=retrains)
        yield from self._source_lines(dry_run)
        yield from self._text_lines()
        yield "not searched: files written by `mlops predict --output`, exports and backups, which are yours"
        if dry_run:
            yield "nothing was changed; run it without --dry-run to remove the rows. This can't be undone"
        else:
            yield f"verify it: mlops audit {project} --forgotten ID"

    def _online_lines(self, done: str) -> Iterator[str]:
        for one in self.online:
            if one.searched:
                yield f"online features: {one.entities:,} entities {done} from {one.store}"
            else:
                columns = ", ".join(self.target.entity.columns)
                yield f"online features in {one.store} have no {columns}, so no row can be attributed"

    def _model_lines(self, project: str, *, retrains: bool) -> Iterator[str]:
        for one in self.models:
            champion = ", the champion," if one.is_champion else ""
            yield f"version {one.version}{champion} was trained on {one.rows:,} rows of it"
        if self.models and not retrains:
            yield f"train a version without it: mlops run {project}, or add --retrain to this command"

    def _source_lines(self, dry_run: bool) -> Iterator[str]:
        if not self.with_sources:
            yield "sources were not read (--skip-sources)"
        for one in self.sources:
            if one.error:
                yield f"source of {one.table}: whether it has rows of it is unknown: {one.error}"
            else:
                yield f"source of {one.table}: {one.place} has {one.rows:,} rows of it, and was not changed"
        if any(not one.error for one in self.sources):
            later = "will be" if dry_run else "are"
            yield (f"remove them there; until then, they {later} left out at ingestion by their keyed digest")

    def _text_lines(self) -> Iterator[str]:
        search = self.target.text_search
        if search is None:
            yield "texts were not searched: the values of an entity with several columns are no identity each"
        elif search.skipped:
            yield f"texts were not searched: {search.skipped}"
        for place in self.texts:
            reason = f": {place.reason}" if place.reason else ""
            yield f"{place}, {place.outcome}{reason}"
        if self.ledger_entries:
            yield (
                f"{self.ledger_entries} entries of the ledger contain the ID in a reason or an actor; "
                f"entries can't "
                "be changed"
            )
