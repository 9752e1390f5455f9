"""Object store, HDFS and YARN on loopback, each for the length of a block."""
