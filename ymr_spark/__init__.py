"""Recommenders for Yahoo! Music-sized ratings on Spark, Delta, Petastorm and TensorFlow."""

__version__ = "0.1.0"
