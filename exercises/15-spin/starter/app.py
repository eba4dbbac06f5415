"""The component, as it was on Friday."""

from cards import answer
from spin_sdk import http, variables
from spin_sdk.http import Request, Response


class Memory(dict):
    """A place for cards."""

    def set(self, key, value):
        """Keep a value."""
        self[key] = value

    def delete(self, key):
        """Forget a value."""
        self.pop(key, None)


STORE = Memory()


class IncomingHandler(http.IncomingHandler):
    """Spin's HTTP trigger looks for this name."""

    def handle_request(self, request: Request) -> Response:
        """Answer one request."""
        token = variables.get("admin_token")
        found = answer(request.method, request.uri, request.headers, STORE, token)
        return Response(found.status, found.headers, found.body)
