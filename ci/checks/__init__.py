"""The gates that are pytest modules."""
