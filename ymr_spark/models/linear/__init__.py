"""Models whose score is a sum of offsets and a product of factors."""
