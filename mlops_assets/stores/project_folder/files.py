"""The files of a project: parsed when definitions load, imported only inside assets."""

import ast
import importlib.util
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from mlops_assets.core.digests import text_digest
from mlops_assets.core.errors import ProjectError
from mlops_assets.core.text.suggestions import suggest_name
from mlops_assets.stores.project_folder.schema_fields import sensitive_fields

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

    from mlops_assets.ml.contracts.column_format import ColumnFormat
    from mlops_assets.ml.contracts.contract import Contract
    from mlops_assets.ml.contracts.time_sql import Ambiguous
    from mlops_assets.ml.features.preprocessing import MakePipeline

SCHEMA, FEATURES_SQL, TARGET_SQL = "schema.py", "features.sql", "target.sql"
PIPELINE, FETCH, SAMPLE = "pipeline.py", "fetch.py", "sample.py"
ASSETS = "assets.py"
FEATURES_CLASS = "Features"


@dataclass(frozen=True)
class ProjectFiles:
    """The files in a project's folder.

    Attributes
    ----------
    project
        The project's name, for messages.
    preprocessing
        Settings of the default pipeline.
    """

    project: str
    folder: Path
    preprocessing: Mapping[str, Any] = field(default_factory=dict)

    def check(self, tables: Sequence[str], *, events: bool) -> None:
        """Check that all required files, classes and functions exist, without importing anything.

        Parameters
        ----------
        events
            Whether it is an event project, whose target is computed by `target.sql`.

        Raises
        ------
        ProjectError
            When a file is missing or cannot be parsed, or a class or function is missing.
        """
        declared = self._top_level(SCHEMA)
        for table in tables:
            if class_name(table) not in declared:
                raise ProjectError(
                    f"{self.project}: {self.folder / SCHEMA} has no class {class_name(table)} for the table "
                    f"{table}",
                    hint="declare it as a pandera DataFrameModel",
                )
        for file in (FEATURES_SQL, TARGET_SQL) if events else (FEATURES_SQL,):
            if not self.text(file).strip():
                raise ProjectError(f"{self.project}: {self.folder / file} is empty", hint="write a SELECT")
        if self.has(TARGET_SQL) and not events:
            raise ProjectError(
                f"{self.project}: {self.folder / TARGET_SQL} is for event projects",
                hint="delete it, or declare `partitions` and `target.horizon` in defs.yaml",
            )
        for file, function in ((PIPELINE, "make_pipeline"), (FETCH, "fetch"), (SAMPLE, "sample")):
            if self.has(file) and function not in self._top_level(file):
                raise ProjectError(
                    f"{self.project}: {self.folder / file} has no function {function}",
                    hint=f"define {function}, or delete the file",
                )

    def has(self, file: str) -> bool:
        return (self.folder / file).is_file()

    def text(self, file: str) -> str:
        """The text of a file."""
        try:
            return (self.folder / file).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ProjectError(
                f"{self.project}: {self.folder / file} can't be read: {error}",
                hint=f"a project requires defs.yaml, {SCHEMA} and {FEATURES_SQL}, an event project also "
                f"{TARGET_SQL}",
            ) from error

    def version(self, *files: str) -> str:
        """Digest of those of the given files that exist."""
        return text_digest(*(text for file in files if self.has(file) for text in (file, self.text(file))))

    def contract(
        self,
        table: str,
        *,
        key: Sequence[str] = (),
        never_null: Sequence[str] = (),
        spelling: tuple[str, str] = (".", ""),
        clock: "tuple[str, Ambiguous]" = ("UTC", "quarantine"),
        formats: "Sequence[tuple[str, ColumnFormat]]" = (),
        sensitive: Collection[str] = (),
        others: Sequence[str] = (),
    ) -> "Contract":
        """The contract of a table; see `Contract.of`.

        Parameters
        ----------
        others
            Columns outside of the contract that may have a format.
        """
        model = self._model(class_name(table))
        subject = f"{self.project}: table {table}"
        declared, fields = tuple(formats), self.sensitive_fields(class_name(table))
        hidden = fields.union(sensitive)
        contract = _contract_of(
            model, subject, tuple(key), tuple(never_null), spelling, clock, declared, hidden
        )
        self._require_literal(contract, hidden)
        known = {*contract.names, *others}
        if unknown := next((name for name, _ in declared if name not in known), None):
            raise ProjectError(
                f"{subject}: formats.{unknown}: {unknown} is not a column of schema.py; "
                f"{suggest_name(unknown, known)}",
                hint="correct the name in defs.yaml",
            )
        return contract

    def feature_contract(self) -> "Contract | None":
        """The contract of the features, if the project declares one."""
        if not self.has_feature_contract():
            return None
        model = self._model(FEATURES_CLASS)
        hidden = self.sensitive_fields(FEATURES_CLASS)
        contract = _contract_of(model, f"{self.project}: features", sensitive=hidden)
        self._require_literal(contract, hidden)
        if contract.unique:
            raise ProjectError(
                f"{self.project}: {FEATURES_CLASS} in {SCHEMA} declares unique features",
                hint="declare unique columns in the class of the table",
            )
        return contract

    def sensitive_fields(self, name: str) -> frozenset[str]:
        """The columns that a class of `schema.py` declares as sensitive."""
        self._top_level(SCHEMA)  # reports a syntax error with its line
        return sensitive_fields(self.text(SCHEMA)).get(name, frozenset())

    def _require_literal(self, contract: "Contract", known: Collection[str]) -> None:
        """Raise for a sensitive column that `sensitive_fields` does not find."""
        for column in contract.columns:
            if column.sensitive and column.name not in known:
                raise ProjectError(
                    f"{contract.subject}: the metadata that makes {column.name} sensitive is computed",
                    hint='write metadata={"sensitive": True} into the field of the class in schema.py, or '
                    "name the column in `sensitive` of the table in defs.yaml",
                )

    def has_feature_contract(self) -> bool:
        return FEATURES_CLASS in self._top_level(SCHEMA)

    def make_pipeline(self) -> "MakePipeline":
        """The project's `make_pipeline`, or the default one with the declared settings."""
        from mlops_assets.ml.features.preprocessing import default_pipeline

        if not self.has(PIPELINE):
            return partial(default_pipeline, **self.preprocessing)
        declared: MakePipeline = self._module(PIPELINE).make_pipeline
        subject = f"{self.project}: {self.folder / PIPELINE}"

        def make() -> "BaseEstimator":
            try:
                made = declared()
            except Exception as error:
                raise ProjectError(
                    f"{subject}: make_pipeline raised {type(error).__name__}: {error}",
                    hint="call make_pipeline() in Python to see the traceback",
                ) from error
            if not (hasattr(made, "fit_transform") and hasattr(made, "transform")):
                raise ProjectError(
                    f"{subject}: make_pipeline returned {made!r}, which is not a transformer",
                    hint="return an unfitted transformer, such as "
                    "sklearn.compose.make_column_transformer(...)",
                )
            return made

        return make

    def fetch(self) -> Callable[[Path], list[Path]]:
        """The project's `fetch`, which downloads its data into a folder and returns the files."""
        if not self.has(FETCH):
            raise ProjectError(
                f"{self.project}: there is no {FETCH} to download data with",
                hint="add it, or put data files where `source` in defs.yaml points to",
            )
        declared: Callable[[Path], list[Path]] = self._module(FETCH).fetch
        return declared

    def sample(self) -> Callable[..., Any]:
        """The project's `sample`, which writes files of synthetic data into a folder."""
        if not self.has(SAMPLE):
            raise ProjectError(
                f"{self.project}: there is no {SAMPLE} to generate data with",
                hint="add it, or put data files where `source` in defs.yaml points to",
            )
        declared: Callable[..., Any] = self._module(SAMPLE).sample
        return declared

    def custom_assets(self) -> ModuleType:
        """The project's `assets.py`, imported."""
        self._top_level(ASSETS)  # reports a syntax error with its line
        return self._module(ASSETS)

    def _model(self, name: str) -> type:
        """A class of `schema.py`."""
        model: type = getattr(self._module(SCHEMA), name)
        if not hasattr(model, "to_schema"):
            raise ProjectError(
                f"{self.project}: {self.folder / SCHEMA}: {name} is not a pandera model",
                hint=f"declare it as `class {name}(pandera.pandas.DataFrameModel):`",
            )
        return model

    def _top_level(self, file: str) -> set[str]:
        """Names of the classes and functions that a file defines, parsed without importing it."""
        try:
            tree = ast.parse(self.text(file), str(self.folder / file))
        except SyntaxError as error:
            raise ProjectError(
                f"{self.project}: {self.folder / file}, line {error.lineno}: {error.msg}"
            ) from error
        return {node.name for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef)}

    def _module(self, file: str) -> ModuleType:
        """Import a file under a name that contains its digest, so that a changed file is a new module.

        The text with this digest is compiled. Python's own import takes compiled code from its cache if the
        file has the same size, and was changed in the same second.
        """
        path, text = self.folder / file, self.text(file)
        name = f"mlops_project_{self.project}_{path.stem}_{text_digest(str(path), text)[:12]}"
        if name in sys.modules:
            return sys.modules[name]
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None:
            raise ProjectError(f"{self.project}: {path} can't be imported")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            exec(compile(text, path, "exec", dont_inherit=True), module.__dict__)
        except Exception as error:
            del sys.modules[name]
            raise ProjectError(
                f"{self.project}: {path} raised {type(error).__name__} when it was imported: {error}",
                hint="run the file with python to see the traceback",
            ) from error
        return module


@lru_cache(maxsize=64)
def _contract_of(
    model: type,
    subject: str,
    key: tuple[str, ...] = (),
    never_null: tuple[str, ...] = (),
    spelling: tuple[str, str] = (".", ""),
    clock: "tuple[str, Ambiguous]" = ("UTC", "quarantine"),
    formats: "tuple[tuple[str, ColumnFormat], ...]" = (),
    sensitive: frozenset[str] = frozenset(),
) -> "Contract":
    """Contract of a class, cached across partitions; a changed file is a new module with new classes."""
    from mlops_assets.ml.contracts.contract import Contract

    return Contract.of(
        model,
        subject=subject,
        key=key,
        never_null=never_null,
        spelling=spelling,
        clock=clock,
        formats=formats,
        sensitive=sensitive,
    )


def class_name(table: str) -> str:
    """The class that declares a table: `OrderLines` for `order_lines`."""
    return "".join(part.capitalize() for part in table.split("_"))
