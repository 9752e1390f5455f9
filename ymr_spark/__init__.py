"""Recommenders for Yahoo! Music-sized ratings on Spark, Delta, Petastorm and TensorFlow."""

import os
from typing import Any

# TensorFlow reads these when it is first imported: TensorFlow Recommenders needs the legacy
# Keras, oneDNN's kernels round differently from machine to machine, 3 keeps errors in the log.
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """The estimators by their names, `from ymr_spark import LatentFactor`, imported when asked."""
    # Modules, which are looked for here too, have small letters.
    if name[:1].isupper():
        from ymr_spark.models import registry

        for entry in registry.MODELS:
            if entry.estimator.endswith(f":{name}"):
                return registry.imported(entry.estimator)
    raise AttributeError(f"module {__name__} has no attribute {name}")
