"""The models: fitted, written and read as tables, scored."""
