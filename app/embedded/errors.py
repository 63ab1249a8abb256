"""What can go wrong before a server answers, as sentences for the person who typed the command."""


class EmbeddedError(RuntimeError):
    """A server cannot be started here; the message says what to do."""


class MissingServer(EmbeddedError):
    """No executable for this machine was found, neither in a wheel nor on the path."""


class FolderInUse(EmbeddedError):
    """Another process keeps a server in this folder."""
