"""Where raw ratings come from: R2's files, planted ones, and MovieLens' in R2's layout."""
