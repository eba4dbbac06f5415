"""Loyalty cards: what to answer to a request, given a store and a token. Knows nothing of Spin."""

import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

STAMPS_OF_A_CARD = 10
_PATH = re.compile(r"/cards/(?P<customer>[a-z0-9-]{1,40})(?P<stamps>/stamps)?")
_JSON = {"content-type": "application/json"}


class Store(Protocol):
    """A key-value store."""

    def get(self, key: str) -> bytes | None:
        """The value; None where there is none."""

    def set(self, key: str, value: bytes) -> None:
        """Keep a value."""

    def delete(self, key: str) -> None:
        """Forget a value."""


@dataclass
class Answer:
    """Status, body and headers."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=lambda: dict(_JSON))


def answer(method: str, uri: str, headers: Mapping[str, str], store: Store, token: str) -> Answer:
    """What a request gets.

    Args:
        method: in capitals.
        uri: path with query.
        headers: with names in lower case.
        store: where cards are kept.
        token: of the staff, who alone may take a card away.
    """
    found = _PATH.fullmatch(uri.partition("?")[0])
    if found is None:
        return _problem(404, "a card is at /cards/CUSTOMER")
    customer = found["customer"]
    key = f"card:{customer}"
    stamps = int(store.get(key) or b"0")
    if found["stamps"]:
        if method != "POST":
            return _problem(405, "a stamp is added with POST")
        store.set(key, str(stamps + 1).encode())
        return _card(201, customer, stamps + 1)
    if method == "GET":
        return _card(200, customer, stamps)
    if method == "DELETE":
        if not hmac.compare_digest(headers.get("authorization", ""), f"Bearer {token}"):
            return _problem(401, "only the staff may take a card away")
        store.delete(key)
        return Answer(204)
    return _problem(405, "a card is read with GET and taken away with DELETE")


def _card(status: int, customer: str, stamps: int) -> Answer:
    card = {"customer": customer, "stamps": stamps, "freeCups": stamps // STAMPS_OF_A_CARD}
    return Answer(status, json.dumps(card).encode())


def _problem(status: int, words: str) -> Answer:
    return Answer(status, json.dumps({"error": words}).encode())
