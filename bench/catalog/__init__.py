"""The catalog at size: what lists, counts, filters and jobs cost over many files."""
