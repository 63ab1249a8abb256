"""The application that the checks of the API call."""

from __future__ import annotations

import pytest
from flask import Flask

from playhall.testing import OverrideSettings

from ...scope import Scope
from .world import World


@pytest.fixture
def world(app: Flask, scope: Scope, settings: OverrideSettings) -> World:
    """Over empty tables; no request of a check is one too many."""
    settings(limits=dict.fromkeys(app.extensions["playhall"].limits, "1000000/minute"))
    options = {name: value for plugin in scope.names for name, value in scope.config.plugins.get(plugin, {}).items()}
    return World(app, scope.names, options)
