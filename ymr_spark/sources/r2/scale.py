"""The scale of R2's ratings."""

from typing import Final

from ymr_spark.scale import Scale
from ymr_spark.sources.r2 import stars

R2: Final = Scale(stars.LOWEST, stars.HIGHEST, stars.STEP)
