"""A registry with one small image behind a login, on this machine's loopback.

Source: https://distribution.github.io/distribution/spec/api/ and …/spec/auth/token/.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

USER, PASSWORD = "ada", "correct horse"
TOKEN = "a-bearer-token"
FILE = "private.txt"
_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


def digest(raw: bytes) -> str:
    return f"sha256:{hashlib.sha256(raw).hexdigest()}"


@dataclass
class LockedRegistry:
    """A registry that wants a login.

    Attributes:
        scheme: how it wants it.
        asked: the Authorization headers that came, by path.
    """

    scheme: Literal["basic", "bearer"]
    content: str
    port: int = 0
    asked: list[tuple[str, str]] = field(default_factory=list)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def image(self) -> str:
        return f"{self.host}/team/private:1"

    def blobs(self) -> dict[str, bytes]:
        layer = io.BytesIO()
        with tarfile.open(fileobj=layer, mode="w") as tar:
            member = tarfile.TarInfo(FILE)
            member.size = len(self.content)
            tar.addfile(member, io.BytesIO(self.content.encode()))
        packed = gzip.compress(layer.getvalue(), mtime=0)
        config = json.dumps(
            {
                "architecture": "amd64",
                "os": "linux",
                "config": {},
                "rootfs": {"type": "layers", "diff_ids": [digest(layer.getvalue())]},
            }
        ).encode()
        return {digest(packed): packed, digest(config): config}

    def manifest(self) -> bytes:
        (layer, packed), (config, raw) = self.blobs().items()
        return json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": _MANIFEST,
                "config": {
                    "mediaType": "application/vnd.docker.container.image.v1+json",
                    "size": len(raw),
                    "digest": config,
                },
                "layers": [
                    {
                        "mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip",
                        "size": len(packed),
                        "digest": layer,
                    }
                ],
            }
        ).encode()

    def is_open_to(self, authorization: str) -> bool:
        if self.scheme == "bearer":
            return authorization == f"Bearer {TOKEN}"
        return is_ada(authorization)

    def reply(self, path: str, said: str) -> tuple[int, bytes, str]:
        """Status, body and its type."""
        if path == "/token":
            document = json.dumps({"token": TOKEN, "expires_in": 300}).encode()
            return (200 if is_ada(said) else 401), document, "application/json"
        if not self.is_open_to(said):
            return 401, b'{"errors": [{"code": "UNAUTHORIZED"}]}', "application/json"
        if path.startswith("/v2/team/private/manifests/"):
            return 200, self.manifest(), _MANIFEST
        blob = self.blobs().get(path.rpartition("/")[2])
        if blob is not None:
            return 200, blob, "application/octet-stream"
        return (200 if path == "/v2/" else 404), b"{}", "application/json"

    def challenge(self) -> str:
        if self.scheme == "basic":
            return 'Basic realm="private"'
        return f'Bearer realm="http://{self.host}/token",service="private"'


def is_ada(authorization: str) -> bool:
    return authorization == "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


@contextmanager
def locked_registry(scheme: Literal["basic", "bearer"], content: str) -> Iterator[LockedRegistry]:
    """Serve it for as long as the context lasts; another content gives another image."""
    registry = LockedRegistry(scheme, content)

    class Handler(BaseHTTPRequestHandler):
        # The engine tries TLS first, and takes a status line for a sign of plain HTTP.
        default_request_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", "0")))
            self.do_GET()

        def do_GET(self) -> None:
            said = self.headers.get("Authorization", "")
            path = self.path.partition("?")[0]
            registry.asked.append((path, said))
            self.answer(*registry.reply(path, said))

        def answer(self, status: int, body: bytes, kind: str) -> None:
            self.send_response(status)
            if status == 401:
                self.send_header("WWW-Authenticate", registry.challenge())
            self.send_header("Content-Type", kind)
            self.send_header("Docker-Content-Digest", digest(body))
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        registry.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield registry
        finally:
            server.shutdown()
            thread.join()
