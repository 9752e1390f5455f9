"""Two-tower models of TensorFlow Recommenders; only `estimators` imports pyspark."""
