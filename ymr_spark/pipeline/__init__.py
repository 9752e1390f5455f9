"""What runs the jobs: stages, settings, runs, the warehouse, what is proven of it."""
