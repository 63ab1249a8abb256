"""The gates that are tools: each module has its arguments and its converter."""
