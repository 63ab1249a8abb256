"""Gates of the code and its documents."""
