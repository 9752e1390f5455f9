"""JSON that every reader takes: it knows neither NaN nor Infinity."""

import json
import math
from typing import Any


def dumps(value: Any, **options: Any) -> str:
    """`json.dumps`, with null for numbers that are not finite."""
    return json.dumps(_finite(value), allow_nan=False, **options)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
