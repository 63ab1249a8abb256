"""Gates of the histories."""
