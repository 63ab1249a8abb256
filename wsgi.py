"""The WSGI application that servers and `flask` load."""

import sys

from app import create_app
from app.core.errors import PluginError
from app.core.settings import SettingsError

try:
    application = create_app()
except (PluginError, SettingsError) as error:
    print(error, file=sys.stderr)
    sys.exit(3)  # gunicorn gives up on 3, instead of trying again and again
