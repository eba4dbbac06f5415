"""Files and settings of this machine that stand-ins are made with."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from pathlib import Path

from helpers.errors import BadInput

#: Where programs on Debian look for certificates, and where the package ca-certificates takes
#: further ones from whenever it makes that file again.
CA_PATH = "/etc/ssl/certs/ca-certificates.crt"
LOCAL_CA_PATH = "/usr/local/share/ca-certificates/host-ca.crt"
#: The bundle's name in a build context.
CA_NAME = "host-ca.crt"

_HOST_BUNDLES = (
    CA_PATH,  # Debian, Ubuntu, Arch
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora, RHEL
    "/etc/ssl/ca-bundle.pem",  # SUSE
    "/etc/ssl/cert.pem",  # Alpine, macOS
)
_PROXIES = ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy")


def folder(name: str) -> Path:
    """A folder of this package."""
    return Path(__file__).parent / name


def host_ca_bundle() -> bytes:
    """The certificates that this machine trusts, PEM.

    Behind a proxy that re-signs TLS, they hold the proxy's, without which pip and npm fail.

    Raises:
        BadInput: where there is none.
    """
    import certifi

    default = ssl.get_default_verify_paths().cafile
    for path in (*_HOST_BUNDLES, default, certifi.where()):
        if path is not None and Path(path).is_file():
            bundle = Path(path).read_bytes()
            if b"-----BEGIN CERTIFICATE-----" in bundle:
                return bundle
    raise BadInput(
        "This machine has no CA bundle, so nothing could be fetched over TLS.",
        remedy="Run: apt-get install ca-certificates",
    )


def proxy_arguments(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """Build arguments that hand this machine's proxy settings to RUN steps.

    BuildKit knows these names and keeps them out of image and cache. Source:
    https://docs.docker.com/reference/dockerfile/#predefined-args
    """
    env = os.environ if environment is None else environment
    found: dict[str, str] = {}
    for name in _PROXIES:
        value = env.get(name) or env.get(name.upper())
        if value:
            found |= {name: value, name.upper(): value}
    return found
