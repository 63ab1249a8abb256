"""Behind `flask db` and `flask plugin remove`: branches, revisions, where the database stands."""
