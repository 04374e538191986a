"""One loaded version of a project, which scores rows as the batch predictions do."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import pyarrow as pa

from mlops_assets.core.errors import ModelError, ProjectError
from mlops_assets.core.names import BROKEN_RULES, SOURCE_ROW
from mlops_assets.ml.model.artifact import load_model
from mlops_assets.ml.model.tabular_model import TabularModel
from mlops_assets.ml.scoring.compiled.batches import score_batch
from mlops_assets.ml.scoring.compiled.cores import ONE_CORE, Cores
from mlops_assets.ml.scoring.compiled.verification import Compilation, compile_scorer
from mlops_assets.ml.scoring.example_rows import example_rows
from mlops_assets.ml.scoring.input_contract import (
    InputContracts,
    feature_input_contracts,
    raw_input_contracts,
)
from mlops_assets.ml.scoring.plain_rows import Row, rows_batch, value_problems
from mlops_assets.ml.scoring.row_scorer import RowScorer, ScoredBatch
from mlops_assets.ml.scoring.row_scores import RowScores
from mlops_assets.serving.config import ServedProject
from mlops_assets.serving.deployment.state import DeployedVersion
from mlops_assets.stores.project_folder.files import ProjectFiles

POSITION = SOURCE_ROW
"""Column of a request's rows: the position of the row in the request, from 0."""


class ServedModel:
    """A loaded version.

    Attributes
    ----------
    version
        Number of the version in the registry.
    deployed
        Its folder and digest.
    model
        The model.
    contracts
        The contracts of its input rows.
    compilation
        The compiled scorer for few rows, or why there is none.
    """

    def __init__(
        self,
        deployed: DeployedVersion,
        model: TabularModel,
        contracts: InputContracts,
        compilation: Compilation | None = None,
    ) -> None:
        self.version, self.model, self.contracts = deployed.version, model, contracts
        self.compilation = compilation or Compilation(None, reason="the model was not compiled")
        self._scorers: dict[int, RowScorer] = {}
        self.deployed = deployed

    @classmethod
    def load(cls, project: ServedProject, deployed: DeployedVersion, cores: Cores = ONE_CORE) -> Self:
        """Load a version from its folder.

        Parameters
        ----------
        cores
            Compute the predictions of many rows.

        Raises
        ------
        ModelError
            When the files do not match their manifest, or cannot be read.
        ProjectError
            When the contract of the project does not fit the version, or features depend on other rows.
        """
        model = load_model(Path(deployed.folder))
        if model.digest() != deployed.digest:
            raise ModelError(
                f"{project.name}: the files of version {deployed.version} in {deployed.folder} are those of "
                "another model",
                hint="delete the folder and start again",
            )
        files = ProjectFiles(project.name, Path(project.folder))
        if project.table is None:
            contracts = feature_input_contracts(files.feature_contract(), model.spec)
        else:
            declared = project.table.contract(files)
            contracts = raw_input_contracts(declared, model.spec, deployed.version)
        compilation = compile_scorer(model, contracts, cores)
        if compilation.depends_on_batch:
            raise ProjectError(
                f"{project.name}: version {deployed.version} can't be served: features.sql computes features "
                "of a row from other rows, so that an answer would depend on the rest of its request",
                hint="compute each feature from its own row, as the check row_by_row of features requires, "
                f"and train again: mlops run {project.name}",
            )
        return cls(deployed, model, contracts, compilation)

    def score(self, rows: pa.RecordBatch, *, contributions: int = 0) -> ScoredBatch:
        """Predict rows; rows that violate the contract are returned with the violated rules.

        Parameters
        ----------
        rows
            Columns of the project of any castable type, and `POSITION`.
        contributions
            Number of features whose contributions to each prediction are listed.
        """
        reference, scorer = self._scorer(contributions), self.compilation.scorer
        if scorer is not None and not contributions:
            predicted = score_batch(scorer, rows, [POSITION], reference.schema(rows.schema))
            if predicted is not None:
                return ScoredBatch(predicted, reference.rejected_schema(rows.schema).empty_table())
        return reference.score(rows)

    def score_rows(self, rows: Sequence[Row], *, contributions: int = 0) -> RowScores:
        """Predict rows of plain values, with the same answers as `score`.

        Parameters
        ----------
        rows
            Rows by column, each with at least the required columns; further ones are ignored. A row without a
            required column, or with a list or an object as value, is rejected.
        contributions
            As in `score`.
        """
        scorer = self.compilation.scorer
        if scorer is None or contributions:
            return self._by_reference(rows, contributions)
        outputs = scorer.score(rows)
        rest = [place for place, output in enumerate(outputs) if output is None]
        if not rest:
            return RowScores(outputs, path="compiled")
        scores = self._by_reference([rows[place] for place in rest], 0)
        for place, output in zip(rest, scores.outputs, strict=True):
            outputs[place] = output
        return RowScores(outputs, {rest[place]: rules for place, rules in scores.rejected.items()})

    def _by_reference(self, rows: Sequence[Row], contributions: int) -> RowScores:
        columns = self.contracts.contract.columns
        invalid = {place: found for place, row in enumerate(rows) if (found := value_problems(row, columns))}
        places = [place for place in range(len(rows)) if place not in invalid]
        batch = rows_batch([rows[place] for place in places], columns, POSITION)
        scored = self._scorer(contributions).score(batch)
        rules = scored.rejected.select([POSITION, BROKEN_RULES]).to_pylist()
        rejected = invalid | {places[row[POSITION]]: row[BROKEN_RULES] for row in rules}
        outputs: list[dict[str, Any] | None] = [None] * len(rows)
        for found in scored.predicted.to_pylist():
            outputs[places[found.pop(POSITION)]] = found
        return RowScores(outputs, dict(sorted(rejected.items())))

    def _scorer(self, contributions: int) -> RowScorer:
        """The scorer of a number of contributions."""
        if contributions not in self._scorers:
            contracts = self.contracts
            scorer = RowScorer(
                self.model, contracts.contract, [POSITION], contracts.features_contract, contributions
            )
            if contributions:  # a single row does not show which features a column of the pipeline depends on
                examples = example_rows(self.model, contracts)
                scorer.prepare_contributions(rows_batch(examples, contracts.contract.columns, POSITION))
            self._scorers[contributions] = scorer
        return self._scorers[contributions]
