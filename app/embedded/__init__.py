"""A real PostgreSQL and a real Redis without installing either: for development and tests, never for production.

Importing this package starts nothing and imports no server's own package.
"""
