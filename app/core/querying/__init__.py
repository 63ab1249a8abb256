"""Statements past SQLAlchemy: several in one round trip, in the transaction that the session is in."""
