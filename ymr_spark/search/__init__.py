"""Hyperparameters by cross-validation on a sample of users."""
