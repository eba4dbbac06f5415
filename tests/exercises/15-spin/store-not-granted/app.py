"""The component: what Spin calls, once for each request, in a new instance each time."""

from cards import answer
from spin_sdk import http, key_value, variables
from spin_sdk.http import Request, Response


class IncomingHandler(http.IncomingHandler):
    """Spin's HTTP trigger looks for this name."""

    def handle_request(self, request: Request) -> Response:
        """Answer one request."""
        with key_value.open_default() as store:
            token = variables.get("admin_token")
            found = answer(request.method, request.uri, request.headers, store, token)
        return Response(found.status, found.headers, found.body)
