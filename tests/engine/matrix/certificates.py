"""Certificates for an engine that listens on TCP, made with the openssl program."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Authority:
    """A certificate authority in a folder of its own."""

    folder: Path

    @property
    def cert(self) -> Path:
        return self.folder / "ca.pem"

    @staticmethod
    def make(folder: Path) -> Authority:
        folder.mkdir()
        authority = Authority(folder)
        _openssl(
            *("req", "-x509", *_NEW_KEY, "-keyout", folder / "ca-key.pem"),
            *("-out", authority.cert, "-days", "2", "-subj", "/CN=test authority"),
            *("-addext", "keyUsage=critical,keyCertSign"),
        )
        return authority

    def sign(self, name: str, *extensions: str) -> Path:
        """A folder as DOCKER_CERT_PATH wants it: ca.pem, cert.pem, key.pem."""
        folder = self.folder / name
        folder.mkdir()
        wanted = [word for extension in extensions for word in ("-addext", extension)]
        _openssl(
            *("req", "-x509", *_NEW_KEY, "-keyout", folder / "key.pem"),
            *("-out", folder / "cert.pem", "-days", "2", "-subj", f"/CN={name}", *wanted),
            *("-addext", "basicConstraints=critical,CA:FALSE"),
            *("-CA", self.cert, "-CAkey", self.folder / "ca-key.pem"),
        )
        (folder / "ca.pem").write_bytes(self.cert.read_bytes())
        return folder

    def server(self) -> Path:
        return self.sign("server", "subjectAltName=IP:127.0.0.1", "extendedKeyUsage=serverAuth")

    def client(self) -> Path:
        return self.sign("client", "extendedKeyUsage=clientAuth")


_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)
