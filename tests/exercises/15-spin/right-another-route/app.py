from cards import answer
from spin_sdk import http, key_value, variables


class IncomingHandler(http.IncomingHandler):
    def handle_request(self, request: http.Request) -> http.Response:
        store = key_value.open("default")
        try:
            token = variables.get("admin_token")
            found = answer(request.method, request.uri, request.headers, store, token)
        finally:
            store.__exit__(None, None, None)
        return http.Response(found.status, found.headers, found.body)
