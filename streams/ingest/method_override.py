"""Lets a client name the method in a header, as tus 1.0 requires."""

from starlette.types import ASGIApp, Receive, Scope, Send

HEADER = b"x-http-method-override"
METHODS = (b"PATCH", b"DELETE", b"HEAD", b"POST", b"OPTIONS", b"PUT", b"GET")


class MethodOverride:
    """Replaces the method of a POST by the one in its header, before the address is looked up."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] == "http" and scope["method"] == "POST":
            named = dict(scope["headers"]).get(HEADER, b"").upper()
            if named in METHODS:
                scope = {**scope, "method": named.decode()}
        await self._app(scope, receive, send)
