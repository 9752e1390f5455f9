"""What a search may choose."""

from collections.abc import Iterable

from optuna.distributions import FloatDistribution, IntDistribution

from ymr_spark.models.registry import SearchedSetting
from ymr_spark.setting_types import Section

Space = dict[str, FloatDistribution | IntDistribution]


def of(chosen: Iterable[SearchedSetting], ranges: Section) -> Space:
    """The range of each setting, as the section has it."""
    return {setting.setting: _range(setting, ranges) for setting in chosen}


def _range(chosen: SearchedSetting, ranges: Section) -> FloatDistribution | IntDistribution:
    low, high = getattr(ranges, chosen.within)
    kind = IntDistribution if isinstance(low, int) else FloatDistribution
    return kind(low, high, log=chosen.logarithmic)
