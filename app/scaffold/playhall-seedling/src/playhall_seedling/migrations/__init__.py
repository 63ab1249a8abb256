"""The revisions of this branch."""
