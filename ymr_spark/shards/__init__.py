"""Shuffled Parquet for training without Spark: written, described, read."""
