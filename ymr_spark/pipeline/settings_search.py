"""The sections of how hyperparameters are looked for: by hand, and before each training."""

from typing import Annotated

from pydantic import Field

from ymr_spark.models import registry
from ymr_spark.setting_types import Ranks, Rates, Ridges, Rounds, Section, one_of


class Search(Section):
    """Hyperparameters by cross-validation on train rows of a sample of users."""

    model: Annotated[str, one_of(*registry.SEARCHED)] = "latent_factor"
    sample_ratings: int = Field(2_000_000, ge=100, description="about; whole users are taken")
    folds: int = Field(3, ge=2, le=100)
    trials: Rounds = Field(12, description="a larger number goes on with a finished search")
    max_epochs: Rounds = Field(8, description="of two-tower models; all of them are judged")
    ranks: Ranks = (2, 32)
    regularizations: Ridges = (0.01, 0.5)
    learning_rates: Rates = (0.5, 4.0)
    row_penalties: Rates = (4.0, 128.0)
    retrieval_penalties: Rates = (0.5, 32.0)
    listening_shares: Rates = (0.05, 1.0)
    unobserved_weights: Rates = (2.0, 40.0)
    implicit_regularizations: Ridges = (0.02, 0.3)
    ridges: Rates = (30.0, 3_000.0)


class Tune(Section):
    """Settings of each model chosen on samples of the data at hand, before it is fitted."""

    trials: int = Field(0, ge=0, le=10_000, description="of each model; 0: settings as given")
    sample_ratings: int = Field(
        1_000_000, ge=100, description="train rows of the largest sample, about"
    )
    reduction: int = Field(
        4, ge=2, le=100, description="each smaller sample has so many times fewer rows"
    )
    least_ratings: int = Field(50_000, ge=100, description="train rows of the smallest sample")
    max_epochs: Rounds = Field(12, description="of two-tower models on less than all rows")
    ranks: Ranks = (2, 32)
    regularizations: Ridges = (0.01, 0.5)
    shrinkages: Rates = (1.0, 1_000.0)
    dampings: Rates = (0.05, 5.0)
    learning_rates: Rates = (0.5, 4.0)
    row_penalties: Rates = (4.0, 128.0)
    retrieval_penalties: Rates = (0.5, 32.0)
    listening_shares: Rates = (0.05, 1.0)
    unobserved_weights: Rates = (2.0, 40.0)
    implicit_regularizations: Ridges = (0.02, 0.3)
    ridges: Rates = (30.0, 3_000.0)
