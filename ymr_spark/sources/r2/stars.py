"""R2's ratings, in stars."""

from typing import Final

LOWEST: Final = 1.0
HIGHEST: Final = 5.0
STEP: Final = 1.0
