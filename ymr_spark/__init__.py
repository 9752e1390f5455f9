"""Recommenders for Yahoo! Music-sized ratings on Spark, Delta, Petastorm and TensorFlow."""

import os

# TensorFlow reads these when it is first imported: TensorFlow Recommenders needs the legacy
# Keras, oneDNN's kernels round differently from machine to machine, 3 keeps errors in the log.
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

__version__ = "0.1.0"
