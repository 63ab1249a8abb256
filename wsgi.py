"""The WSGI application that servers and `flask` load."""

from app import create_app

application = create_app()
