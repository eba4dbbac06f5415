"""``workbook engine status·start·stop``."""

from __future__ import annotations

from dataclasses import asdict

from helpers.commands.output import say, show_json
from helpers.engine import private
from helpers.engine.connect import open_private
from helpers.engine.state import state_folder


def show_status(*, as_json: bool) -> int:
    """Say whether the private engine runs."""
    known = private.status(state_folder())
    if as_json:
        show_json(asdict(known))
        return 0
    print(f"The private engine: {known.detail}.")
    if known.state == "running":
        print(f"For other tools: export DOCKER_HOST={known.url}")
    return 0


def start() -> int:
    """Start the private engine where it does not run."""
    state = state_folder()
    url = private.start(state, say)
    with open_private(state) as engine:
        print(f"{engine.describe()} listens at {url}")
    print(f"For other tools: export DOCKER_HOST={url}")
    return 0


def stop(*, purge: bool) -> int:
    """Stop the private engine; with ``purge`` its files go, too."""
    state = state_folder()
    if purge:
        private.purge(state)
        print("The private engine is stopped, and its files are removed.")
        return 0
    if private.stop(state):
        print("The private engine is stopped. Its images are kept (--purge removes them).")
    else:
        print("The private engine does not run.")
    return 0
