"""Gates of what is served."""
