"""Models that predict from ratings of similar songs."""
