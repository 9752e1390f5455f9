"""What makes TensorFlow repeat itself to the last digit, on any number of cores."""

from contextlib import suppress

import tensorflow as tf


def on_one_core() -> None:
    """Have this process compute in one thread, unless it has begun to in more, and always alike.

    Sums follow the number of threads. Several trainings beside each other, each on a core, use
    the cores better than each on all of them in turn.
    """
    with suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.experimental.enable_op_determinism()
