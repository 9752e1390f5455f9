"""What is written down as JSON and read again, as typed values that do not change."""
