"""The scale of R2's ratings."""

from typing import Final

from ymr_spark.r2 import stars
from ymr_spark.scale import Scale

R2: Final = Scale(stars.LOWEST, stars.HIGHEST, stars.STEP)
