"""What a search may choose."""

from collections.abc import Iterable, Mapping
from typing import Any

from optuna.distributions import FloatDistribution, IntDistribution

from ymr_spark.models.registry import TunedSetting
from ymr_spark.setting_types import Section

Space = dict[str, FloatDistribution | IntDistribution]


def of(chosen: Iterable[TunedSetting], ranges: Section) -> Space:
    """The range of each setting, as the section has it."""
    return {c.setting: _range(c, *getattr(ranges, c.within)) for c in chosen}


def of_samples(
    chosen: Iterable[TunedSetting], ranges: Section, given: Mapping[str, float]
) -> Space:
    """The same, but from the given value on where a sample cannot show that less is enough."""
    found = {}
    for c in chosen:
        low, high = getattr(ranges, c.within)
        if c.from_given:
            low, high = given[c.setting], max(high, given[c.setting])
        found[c.setting] = _range(c, low, high)
    return found


def _range(chosen: TunedSetting, low: Any, high: Any) -> FloatDistribution | IntDistribution:
    kind = IntDistribution if isinstance(low, int) else FloatDistribution
    return kind(low, high, log=chosen.logarithmic)
