"""Access control of Studio, before anything else sees a request.

Host: no foreign name may stand for this machine (DNS rebinding). Origin: no other page may write
or watch. Token: asked for wherever others than this machine's users can reach the port.
"""

from __future__ import annotations

import hmac
import ipaddress
import logging
import socket
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from cape_ros.core.throttled_log import ThrottledLog

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

logger = logging.getLogger(__name__)
LARGEST_BODY = 4_000_000  # bytes of JSON: a hundred shots of a hundred keypoints
LOCAL = ("localhost", "127.0.0.1", "::1")
WRONG_TOKEN, WRONG_ORIGIN = 4401, 4403  # close codes
COOKIE_KEPT = 180 * 24 * 3600  # [s]
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data: blob:; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
ASK = (
    "<!doctype html><html lang=en><meta charset=utf-8><title>Studio</title>"
    "<meta name=viewport content='width=device-width'><meta name=color-scheme content='dark light'>"
    "<h1>Studio</h1><form action=./ autocomplete=on><p><label>Token "
    "<input name=token type=password autocomplete=current-password required autofocus size=40>"
    "</label> <button>Open</button>"
    "<p role=alert>{wrong}<p>It is in the address that was printed when Studio started; the whole "
    "address can be pasted, too.</form>"
)


@dataclass(frozen=True)
class Rules:
    """host: what Studio is bound to. token: None = none is required."""

    host: str
    port: int
    token: str | None

    @property
    def cookie(self) -> str:
        """Browsers keep cookies by host, not by port."""
        return f"cape_studio_{self.port}"

    def host_fits(self, header: str) -> bool:
        """Whether a Host header names this machine; with a token, its own names and any address do.

        `TrustedHostMiddleware` of Starlette has no pattern for every IP address.
        """
        name = _host_name(header)
        if name in LOCAL:
            return True
        if self.token is None:
            return False
        try:
            ipaddress.ip_address(name)  # an IP literal cannot be rebound (DNS rebinding)
            return True
        except ValueError:
            own = socket.gethostname().lower()
            first = own.partition(".")[0]
            return name in (self.host.lower().removesuffix("."), own, first, f"{first}.local")

    def origin_fits(self, headers: Headers) -> bool:
        """A page of another origin says so; programs that are no browsers say nothing."""
        origin = headers.get("origin")
        return origin is None or urlsplit(origin).netloc == headers.get("host")

    def token_fits(self, offered: str) -> bool:
        return self.token is None or hmac.compare_digest(offered.encode(), self.token.encode())


class Guard:
    """Lets requests through to `app`, or answers them itself. uploads: paths that limit their
    bodies themselves."""

    def __init__(self, app: App, rules: Rules, uploads: Collection[str]) -> None:
        self._app = app
        self._log = ThrottledLog(logger)
        self._rules = rules
        self._uploads = uploads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        scope = _in_origin_form(scope)
        if scope.get("method") == "HEAD":  # an answer to GET, of which the server sends no body
            scope = {**scope, "method": "GET"}

        async def send_safely(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message.setdefault("headers", []))
                headers.update(HEADERS)
                # The page is asked for anew, so that a newer one is seen; answers are not kept.
                of_api = scope["path"].startswith("/api/")
                headers.setdefault("Cache-Control", "no-store" if of_api else "no-cache")
            await send(message)

        refusal = self._refusal(scope, Headers(scope=scope))
        if refusal is None:
            try:
                await self._app(scope, receive, send_safely)
            except ClientDisconnect:  # in the middle of an upload
                pass
            except Exception as error:  # answered by now; the connection goes on
                text = f"a request failed: {scope.get('method')} {scope['path']}"
                self._log.log(logging.ERROR, type(error).__name__, text, error)
        elif scope["type"] == "http":
            await refusal(scope, receive, send_safely)
        else:
            code = WRONG_TOKEN if refusal.status_code == 401 else WRONG_ORIGIN
            await receive()
            await send({"type": "websocket.accept"})  # a refused handshake has no code
            await send({"type": "websocket.close", "code": code})

    def _refusal(self, scope: Scope, headers: Headers) -> Response | None:
        rules = self._rules
        if not rules.host_fits(headers.get("host", "")):
            return refused(403, "Host", "is not a name of this machine; use its IP address")
        writes = scope["type"] == "websocket" or scope["method"] != "GET"
        if writes and not rules.origin_fits(headers):
            return refused(403, "Origin", "is another page; only Studio's own may do this")
        if writes and scope["type"] == "http" and scope["path"] not in self._uploads:
            length = headers.get("content-length", "" if "transfer-encoding" in headers else "0")
            if not (len(length) < 9 and length.isdigit() and int(length) <= LARGEST_BODY):
                return refused(413, "", f"a body has {LARGEST_BODY} bytes at most, and says so")
        if rules.token is None or rules.token_fits(self._offered(headers)):
            return None
        if scope["type"] == "http" and scope["path"] == "/" and scope["method"] == "GET":
            return self._first_visit(scope)
        return refused(401, "token", "is missing or wrong; use the address that was printed")

    def _offered(self, headers: Headers) -> str:
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return token.strip()
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(self._rules.cookie)
        except CookieError:
            return ""
        return cookie.value if cookie else ""

    def _first_visit(self, scope: Scope) -> Response:
        """Moves the token from the address to a cookie if it is the right one, else asks for it."""
        query = parse_qs(scope["query_string"].decode("latin-1"))
        given = query.get("token", [""])[0].rpartition("token=")[2].strip()
        if not self._rules.token_fits(given):
            return HTMLResponse(ASK.format(wrong="This token is wrong." if given else ""), 401)
        answer = RedirectResponse("./", 303)  # also below a folder of a reverse proxy
        answer.set_cookie(
            self._rules.cookie,
            self._rules.token or "",
            max_age=COOKIE_KEPT,
            path=None,  # the folder that the browser sees; a proxy may show others beside it
            httponly=True,
            samesite="strict",
        )
        return answer


def refused(status: int, field: str, reason: str) -> JSONResponse:
    return JSONResponse({"faults": [{"field": field, "reason": reason}]}, status)


def is_local(host: str) -> bool:
    """Whether only this machine's users reach what is bound to `host`."""
    return host in LOCAL


def _in_origin_form(scope: Scope) -> Scope:
    """A request as to a proxy names the whole address, whose host counts instead of the header's
    (RFC 9112, section 3.2.2)."""
    target = scope.get("raw_path") or b""
    if not target.lower().startswith((b"http://", b"https://")):
        return scope
    host, slash, path = target.partition(b"//")[2].partition(b"/")
    path = slash + path or b"/"
    headers = [header for header in scope["headers"] if header[0] != b"host"]
    return {
        **scope,
        "path": unquote(path.decode("ascii")),
        "raw_path": path,
        "headers": [*headers, (b"host", host)],
    }


def _host_name(header: str) -> str:
    """The host name of a Host header, without port and brackets, and without the dot that may end
    a whole name of DNS."""
    try:
        return (urlsplit(f"//{header}").hostname or "").lower().removesuffix(".")
    except ValueError:
        return ""
