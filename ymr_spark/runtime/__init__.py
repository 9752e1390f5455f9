"""What the jobs run on: Spark, Java, a cluster on this machine, logs."""
