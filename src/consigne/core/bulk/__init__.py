"""Jobs over many files: delete, move, tag, export all that match a filter (C-55)."""
