"""The kinds of values that settings have, with bounds within which every job works."""

from pathlib import Path
from typing import Annotated, Any, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    ValidationInfo,
    field_validator,
)

from ymr_spark.store import paths
from ymr_spark.store.locations import Location

# Of Java's integers, far beyond what any setting means.
LARGEST = 2**31 - 1
# Of users, songs and genres.
LARGEST_ID = 16_777_215
# Below it rounding makes the equations of ALS singular where a user has fewer ratings than the
# rank: those of n ratings of 5 stars are of up to n * 25 / (4 * this), and add this * n to them.
_LEAST_RIDGE = 1e-6


def _ascending(bounds: tuple[float, float]) -> tuple[float, float]:
    if not 0 < bounds[0] <= bounds[1]:
        raise ValueError("expected [lowest, highest], positive and ascending")
    return bounds


def _distinct(values: list[Any]) -> list[Any]:
    if len(set(values)) < len(values):
        raise ValueError("expected each value once")
    return values


def _growing(shares: tuple[float, ...]) -> tuple[float, ...]:
    if list(shares) != sorted(set(shares)):
        raise ValueError("expected ascending shares, each once")
    return shares


def one_of(*names: str) -> AfterValidator:
    """Refuses any other text than these."""

    def known(name: str) -> str:
        if name not in names:
            raise ValueError(f"expected one of {', '.join(names)}")
        return name

    return AfterValidator(known)


Rank = Annotated[int, Field(ge=1, le=1_000)]
Width = Annotated[int, Field(ge=1, le=16_384)]
Rounds = Annotated[int, Field(ge=1, le=10_000)]
Rate = Annotated[float, Field(gt=0, le=1e6)]
Ridge = Annotated[float, Field(ge=_LEAST_RIDGE, le=1e6)]
Id = Annotated[int, Field(ge=0, le=LARGEST_ID)]
# The lowest and the highest value, both included.
Ranks = Annotated[tuple[Rank, Rank], AfterValidator(_ascending)]
Ridges = Annotated[tuple[Ridge, Ridge], AfterValidator(_ascending)]
_Float = Annotated[float, Field(le=1e6)]
Rates = Annotated[tuple[_Float, _Float], AfterValidator(_ascending)]
Share = Annotated[float, Field(gt=0, lt=1)]
Shares = Annotated[tuple[Share, ...], AfterValidator(_growing)]
Distinct = AfterValidator(_distinct)
# Of this machine.
LocalPath = Annotated[Path, BeforeValidator(paths.local)]
# Of all machines.
SharedPath = Annotated[Location, PlainValidator(paths.location), PlainSerializer(str)]


class Section(BaseModel):
    """Frozen; unknown keys, infinity, NaN and truth values in the place of numbers are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _truth_is_no_number(cls, value: Any, info: ValidationInfo) -> Any:
        wanted = cls.model_fields[str(info.field_name)].annotation
        is_truth = wanted is bool or bool in get_args(wanted)
        if not is_truth and any(isinstance(v, bool) for v in _each(value)):
            raise ValueError("expected another value than true or false")
        return value

    @field_validator("*", mode="after")
    @classmethod
    def _not_too_large(cls, value: Any) -> Any:
        if any(isinstance(v, int | float) and v > LARGEST for v in _each(value)):
            raise ValueError(f"expected at most {LARGEST:,}")
        return value


def _each(value: Any) -> list[Any]:
    return [*value] if isinstance(value, list | tuple) else [value]
