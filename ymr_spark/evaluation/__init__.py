"""All models judged on the same rows: proof of that, errors, intervals, slices."""
