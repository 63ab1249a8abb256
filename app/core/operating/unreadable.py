"""What gunicorn has to refuse itself is answered by the application's edge too: a request it cannot read, a stream that fails."""

from __future__ import annotations

import re
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog
from gunicorn import util
from gunicorn.http import message
from gunicorn.http.errors import LimitRequestHeaders, LimitRequestLine, ParseException
from gunicorn.http.parser import RequestParser

from app.core.errors import AddressTooLong, DomainError, HeadersTooLarge, InternalError, MalformedRequest
from app.core.web.edge import REFUSED

if TYPE_CHECKING:
    import socket

    from _typeshed.wsgi import WSGIEnvironment

log = structlog.get_logger(__name__)

LONGEST = 65_536  # bytes of a long address that are read on, for the origin behind it
_METHOD = re.compile(r"[A-Z-]{3,20}(?= )")


class Request(message.Request):  # type: ignore[misc]  # it has no types
    """gunicorn's; when it cannot be read, its error brings along what was read of it."""

    def __init__(self, *args: Any) -> None:
        self.heard = bytearray()
        try:
            super().__init__(*args)
        except ParseException as error:
            error.__dict__["heard"] = self.heard
            raise
        self.heard = bytearray()  # a stream's request lives for hours

    def read_into(self, unreader: Any, buf: bytearray, stop: bool = False) -> None:
        """Read some more of the head."""
        known = len(buf)
        super().read_into(unreader, buf, stop)
        self.heard += buf[known:]


def install(worker: Any) -> None:
    """From here on, in this worker, answer in gunicorn's place."""
    RequestParser.mesg_class = Request
    worker.handle_error = partial(_answer, worker)


def _answer(worker: Any, request: Any, client: socket.socket, address: Any, error: BaseException) -> None:
    """Answer with what the edge makes of the error, and hang up: where the next request would begin is not known."""
    heard: bytearray | None = getattr(error, "heard", None)
    if isinstance(error, ParseException) and request is None and heard is None:
        return  # it showed while the rest of a body was skipped, whose request has had its answer
    with suppress(OSError):
        if isinstance(error, LimitRequestLine) and heard is not None:
            with worker.timeout_ctx():
                _read_on(client, heard)
        environ = _environ(heard or bytearray()) if request is None else _of_headers(request.method, request.headers)
        answer = _rendered(worker, {**environ, "REMOTE_ADDR": address[0] if address else "", REFUSED: _refusal(error)})
        _tell(error)
        client.sendall(answer)
        # Closed with something unread, the connection would be reset and the answer lost.
        util.close_graceful(client)


def _tell(error: BaseException) -> None:
    if isinstance(error, ParseException):
        log.info("unreadable", reason=type(error).__name__)
    else:
        log.error("an exception escaped the application", exc_info=error)


def _refusal(error: BaseException) -> DomainError:
    match error:
        case LimitRequestLine():
            return AddressTooLong("Send a shorter address or query.")
        case LimitRequestHeaders():
            return HeadersTooLarge("Send fewer or shorter headers.")
        case ParseException():
            return MalformedRequest("This is no HTTP/1.1 request: its first line, a header or the length of its body is wrong.")
    return InternalError()


def _read_on(client: socket.socket, heard: bytearray) -> None:
    while b"\r\n\r\n" not in heard and len(heard) < LONGEST and (more := client.recv(8192)):
        heard += more


def _environ(heard: bytearray) -> WSGIEnvironment:
    first, *lines = heard.lstrip(b"\r\n").partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    method = _METHOD.match(first)
    return _of_headers(method[0] if method else "", [line.partition(":")[::2] for line in lines])


def _of_headers(method: str, headers: list[tuple[str, str]]) -> WSGIEnvironment:
    named = {f"HTTP_{name.upper().replace('-', '_')}": value.strip() for name, value in headers if "_" not in name}
    return {**named, "REQUEST_METHOD": method, "wsgi.url_scheme": "http"}


def _rendered(worker: Any, environ: WSGIEnvironment) -> bytes:
    said: list[str] = []

    def start_response(status: str, headers: list[tuple[str, str]], _exc_info: Any = None) -> Any:
        said[:] = [f"HTTP/1.1 {status}", "Connection: close", f"Date: {util.http_date()}", *(f"{name}: {value}" for name, value in headers)]

    body = b"".join(worker.wsgi(environ, start_response))
    return "\r\n".join([*said, "", ""]).encode("latin-1") + body
