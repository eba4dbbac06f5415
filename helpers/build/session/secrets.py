"""Build secrets: values for ``RUN --mount=type=secret``, read when a step asks for them.

Source: https://docs.docker.com/build/building/secrets/
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from helpers.build.errors import SecretError
from helpers.build.rpc.grpc import NOT_FOUND, Handler, RpcError, unary
from helpers.build.session.session_pb2 import GetSecretRequest, GetSecretResponse
from helpers.build.tree import printable

#: The most that BuildKit takes.
LIMIT_BYTES = 500 * 1024


@dataclass(frozen=True, slots=True)
class Secret:
    """One secret. Its value is part of no text that is made of it.

    Made by :meth:`of`, :meth:`from_file` and :meth:`from_variable`.

    Attributes:
        id: the name that the Dockerfile uses.
        origin: where it comes from, for messages.
    """

    id: str
    origin: str
    _value: bytes = field(repr=False)

    @staticmethod
    def of(id: str, value: bytes | str) -> Secret:  # noqa: A002 - BuildKit's own name
        """A secret from memory; text is written as UTF-8.

        Raises:
            SecretError: if it is larger than 500 KiB, or the name is empty.
        """
        raw = value.encode() if isinstance(value, str) else bytes(value)
        return _checked(Secret(id, "memory", raw))

    @staticmethod
    def from_file(id: str, path: str | Path) -> Secret:  # noqa: A002
        """The content of a file, as it is, with a newline at its end if it has one.

        Raises:
            SecretError: if it cannot be read, or as :meth:`of`.
        """
        try:
            raw = Path(path).expanduser().read_bytes()
        except (OSError, ValueError, RuntimeError) as error:  # NUL in it, or no such home
            reason = getattr(error, "strerror", None) or error
            raise SecretError(
                f"The file {printable(str(path))} of the secret {id} cannot be read: {reason}.",
                remedy="Check the path after src=, and its permissions.",
            ) from error
        return _checked(Secret(id, f"file {path}", raw))

    @staticmethod
    def from_variable(id: str, name: str) -> Secret:  # noqa: A002
        """The value of an environment variable.

        Raises:
            SecretError: if it is not set, or as :meth:`of`.
        """
        value = os.environ.get(name)
        if value is None:
            raise SecretError(
                f"The environment variable {name} of the secret {id} is not set.",
                remedy=f"Set {name}, or name another variable with env=.",
            )
        return _checked(Secret(id, f"variable {name}", os.fsencode(value)))

    def value(self) -> bytes:
        """What it is."""
        return self._value

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled or copied: what is written down is no secret.

        Raises:
            TypeError: always.
        """
        raise TypeError(f"the secret {self.id} is not written down")


def secrets_handler(secrets: Iterable[Secret]) -> Handler:
    """The handler of ``moby.buildkit.secrets.v1.Secrets/GetSecret``."""
    by_id = {secret.id: secret for secret in secrets}

    def get(message: bytes) -> GetSecretResponse:
        wanted = GetSecretRequest.FromString(message).ID
        if wanted not in by_id:
            raise RpcError(NOT_FOUND, f"secret {wanted} not found")
        return GetSecretResponse(data=by_id[wanted].value())

    return unary(get)


def _checked(secret: Secret) -> Secret:
    if not secret.id:
        raise SecretError(
            "A secret has no id.", remedy="Name it as the Dockerfile does: id=NAME,src=FILE."
        )
    if len(secret.value()) > LIMIT_BYTES:
        raise SecretError(
            f"The secret {secret.id} ({secret.origin}) has {len(secret.value())} bytes; BuildKit "
            f"takes {LIMIT_BYTES}.",
            remedy="Keep large files out of secrets: mount them with another build context.",
        )
    return secret
