"""Settings of retraining: the rules that start a training."""

from typing import Annotated, Literal

from pydantic import Field

from mlops_assets.components.model_project.settings.base import Settings

Rule = Literal["schedule", "drift", "performance", "new_data"]


class RetrainSettings(Settings):
    """Rules that start the training of the newest labelled cut-off. Declared rules are combined by "or"."""

    when: list[Rule] = Field(
        min_length=1,
        description="Rules that start a training. `schedule`: a tick of `schedules.train`. `drift`: enough "
        "of the newest drift reports have drift, see `m_of_n`. `performance`: a measured loss of "
        "performance, or enough estimated ones. `new_data`: enough new labels, see `new_cutoffs` and "
        "`new_rows`. Only `schedule` trains a cut-off again, if its data or code have changed.",
    )
    m_of_n: list[Annotated[int, Field(ge=1)]] = Field(
        default=[2, 3],
        min_length=2,
        max_length=2,
        description="How much evidence `drift` and estimated `performance` require: `[2, 3]` are 2 of the 3 "
        "newest reports since the last training. A measured loss counts at once: its labels arrive late, and "
        "its interval excludes chance.",
    )
    cooldown: int = Field(
        default=0,
        ge=0,
        description="Event projects: minimum number of partitions from one trained cut-off to the next. It "
        "counts partitions and not days, so that a backfill decides as the daemon would have decided then.",
    )
    new_cutoffs: int = Field(
        default=1,
        ge=1,
        description="Event projects: number of labelled cut-offs since the last training that `new_data` "
        "requires; one for the first model.",
    )
    new_rows: int = Field(
        default=1,
        ge=1,
        description="Projects without partitions: number of rows with features since the last training that "
        "`new_data` requires; one for the first model.",
    )

    @property
    def needed(self) -> int:
        """The number of reports with evidence that start a training."""
        return self.m_of_n[0]

    @property
    def newest(self) -> int:
        """The number of newest reports that are looked at."""
        return self.m_of_n[1]
