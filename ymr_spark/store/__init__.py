"""Files: written whole or not at all, what they are, where they may lie."""
