"""The WSGI application that servers and `flask` load."""

import os
import sys

from app import create_app
from app.core.errors import PluginError
from app.core.settings import SettingsError

try:
    application = create_app()
except (PluginError, SettingsError) as error:
    if "PLAYHALL_SERVED" not in os.environ:  # our server says it itself, once for all its workers
        print(error, file=sys.stderr)
    raise SystemExit(3) from error  # however gunicorn is started, it gives up on 3 instead of trying again and again
