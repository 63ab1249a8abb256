"""Gates of the tests."""
