"""Data with a known answer, of R2's layout and shape; docs/planted.md says what is in it."""
