"""Predictions of the rows of files, streamed from the files into a file."""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from mlops_assets.core import names
from mlops_assets.core.errors import DataError
from mlops_assets.core.text.suggestions import closest_name, suggest_name
from mlops_assets.ml.query_batches import query_batches
from mlops_assets.stores.files.row_files import RowFile, require_absent, suffix_of
from mlops_assets.stores.sources.base import scratch_folder
from mlops_assets.stores.sources.file_source import open_file_source
from mlops_assets.stores.warehouse.warehouse import Warehouse
from mlops_assets.workspace.predictions.prediction_input import PredictionInput

if TYPE_CHECKING:
    import pyarrow as pa

    from mlops_assets.ml.contracts.contract import Contract
    from mlops_assets.ml.model.tabular_model import TabularModel
    from mlops_assets.ml.scoring.row_scorer import RowScorer

ALL_COLUMNS = "*"
_SHOWN_VALUE = 40
BATCH_ROWS = 131_072
"""Rows in memory at a time. Smaller batches are slower, because each one is planned and threaded anew."""


@dataclass
class PredictedFile:
    """The result of predicting files.

    Attributes
    ----------
    rows, predicted, rejected
        Numbers of rows: each row is predicted or rejected.
    rules
        Number of rejected rows by violated rule.
    examples
        The first row that violates a rule, and its value in the column of the rule.
    to
        The file with the predictions.
    rejected_to
        The file with the rejected rows; None without any.
    seconds
        From the first look at the files to the results.
    """

    to: Path
    rows: int = 0
    predicted: int = 0
    rejected: int = 0
    rules: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    rejected_to: Path | None = None
    seconds: float = 0.0


def rejected_file(to: Path) -> Path:
    """The file for rejected rows beside a file of predictions: `scores.rejected.csv` for `scores.csv`."""
    suffix = to.name[-len(suffix_of(to)) :]
    return to.with_name(f"{to.name.removesuffix(suffix)}.rejected{suffix}")


def require_writable(to: Path, *, overwrite: bool) -> None:
    """Check the place of the results before anything is read.

    Raises
    ------
    DataError
        If the format is unknown, the folder does not exist, or a file would be replaced.
    """
    suffix_of(to)
    if not to.parent.is_dir():
        raise DataError(f"the folder {to.parent} does not exist", hint="create it, or choose another --to")
    if to.is_dir():
        raise DataError(f"{to} is a folder", hint="name a file")
    for path in (to, rejected_file(to)) if not overwrite else ():
        require_absent(path)


def predict_files(
    data: str,
    to: Path,
    given: PredictionInput,
    model: "TabularModel",
    *,
    warehouse: Warehouse,
    columns: Sequence[str] = (),
    facts: dict[str, str],
    overwrite: bool = False,
    contributions: int = 0,
    on_rows: Callable[[int], None] = lambda rows: None,  # noqa: ARG005
) -> PredictedFile:
    """Predict the rows of files; memory holds one batch.

    Parameters
    ----------
    data
        A file, folder, glob or URL.
    to
        A Parquet or CSV file; it appears complete or not at all, and after the file of rejected rows.
    warehouse
        The place of spilled data and copies.
    columns
        Columns beside the predictions; by default the key, and without a key the number of the row.
    facts
        Text that a Parquet file keeps with its schema.
    contributions
        Number of features whose contributions to each prediction are listed.
    on_rows
        Is called with the number of rows so far.

    Raises
    ------
    DataError
        If the files can't be read or lack a column, or a result can't be written.
    """
    started = perf_counter()
    result, rejected_to, subject = PredictedFile(to), rejected_file(to), given.ingestion.subject
    with ExitStack() as stack:
        source = stack.enter_context(
            open_file_source(data, given.ingestion, root=Path.cwd(), scratch=scratch_folder(warehouse))
        )
        fetched = source.fetch(stack.enter_context(warehouse.connect()), None)
        _require_other_files([file.path for file in fetched.files], (to, rejected_to))
        schema = fetched.relations[0].limit(0).to_arrow_table().schema
        _require_columns(given.contract, schema.names, subject)
        carried = _carried(given, columns, schema.names, len(fetched.files), subject)
        scorer = _scorer(given, model, carried, contributions)
        predictions = stack.enter_context(RowFile(to, scorer.schema(schema), facts))
        rejects = stack.enter_context(RowFile(rejected_to, scorer.rejected_schema(schema)))
        with source.rows(fetched) as relations:
            for relation in relations:
                for batch in query_batches(relation.to_arrow_reader(BATCH_ROWS)):
                    scored = scorer.score(batch)
                    predictions.write(scored.predicted)
                    rejects.write(scored.rejected)
                    _count_rules(result, scored.rejected, scorer.sensitive)
                    result.rows += batch.num_rows
                    on_rows(result.rows)
        for file in (predictions, rejects):
            file.finish()
        if rejects.rows:
            result.rejected_to = rejected_to
            rejects.publish(overwrite=overwrite)
        elif overwrite:
            rejected_to.unlink(missing_ok=True)  # of an earlier run
        predictions.publish(overwrite=overwrite)
    result.predicted, result.rejected = predictions.rows, rejects.rows
    result.seconds = round(perf_counter() - started, 3)
    return result


def _scorer(
    given: PredictionInput, model: "TabularModel", carried: Sequence[str], contributions: int
) -> "RowScorer":
    from mlops_assets.ml.scoring.prediction_batches import output_schema
    from mlops_assets.ml.scoring.row_scorer import RowScorer

    taken = sorted(set(carried) & set(output_schema(model, contributions).names))
    if taken:
        raise DataError(
            f"{given.ingestion.subject}: column {', '.join(taken)} has the name of a column of predictions",
            hint="leave it out of --columns, or rename it in the file",
        )
    return RowScorer(model, given.contract, carried, given.features_contract, contributions)


def _carried(
    given: PredictionInput, columns: Sequence[str], available: Sequence[str], files: int, subject: str
) -> list[str]:
    """The columns beside the predictions."""
    source = [name for name in available if name not in names.PROVENANCE]
    if not columns:
        file = [names.SOURCE_FILE] if files > 1 else []
        return [name for name in given.key if name in source] or [*file, names.SOURCE_ROW]
    wanted = [each for name in columns for each in (source if name == ALL_COLUMNS else [name])]
    for name in wanted:
        if name not in available:
            raise DataError(f"{subject}: the file has no column {name}", hint=suggest_name(name, source))
    return list(dict.fromkeys(wanted))


def _count_rules(result: PredictedFile, rejected: "pa.Table", sensitive: Collection[str]) -> None:
    """Count violated rules, and keep the first row of each, without values of sensitive columns."""
    from mlops_assets.ml.contracts.shown_rules import shown_rule

    for position, violated in enumerate(rejected.column(names.BROKEN_RULES).to_pylist()):
        rules = [shown_rule(rule, sensitive) for rule in violated]
        result.rules.update(rules)
        for rule in rules:
            if rule not in result.examples:
                name = rule.partition(": ")[0]
                result.examples[rule] = _example(rejected, position, "" if name in sensitive else name)


def _example(rejected: "pa.Table", position: int, column: str) -> str:
    """A rejected row by its file and number, and the value of a column if it has one."""
    file, number = (rejected.column(name)[position].as_py() for name in (names.SOURCE_FILE, names.SOURCE_ROW))
    value = rejected.column(column)[position].as_py() if column in rejected.column_names else None
    if value is None:
        return f"{file}, row {number:,}"
    shown = repr(value)
    return f"{file}, row {number:,}: {shown if len(shown) <= _SHOWN_VALUE else shown[:_SHOWN_VALUE] + '…'}"


def _require_columns(contract: "Contract", available: Sequence[str], subject: str) -> None:
    """Raise if the files lack a column that the model needs."""
    missing = contract.missing(available)
    if not missing:
        return
    source = [name for name in available if name not in names.PROVENANCE]
    others = [name for name in source if name not in contract.names]
    near = [f"{found} for {name}" for name in missing if (found := closest_name(name, others))]
    raise DataError(
        f"{subject}: the file lacks the column{'s' * (len(missing) > 1)} {', '.join(missing)}; "
        f"it has {', '.join(source)}" + (f". Did you mean {', '.join(near)}?" if near else ""),
        hint="rename or add the columns in the file",
    )


def _require_other_files(sources: Sequence[Path], results: Sequence[Path]) -> None:
    """Raise if a result would replace a file that is read."""
    for path in results:
        if path.exists() and any(path.samefile(source) for source in sources if source.exists()):
            raise DataError(f"{path} is read as data", hint="choose another name for --to")
