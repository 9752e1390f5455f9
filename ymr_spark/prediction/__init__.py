"""What each model says of given pairs, and why."""
