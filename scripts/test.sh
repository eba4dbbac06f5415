#!/bin/sh
# Every test, the quick ones first. What was running before runs afterwards; nothing else is left.
set -eu
cd "$(dirname "$0")/.."
scripts/lint.sh
.venv/bin/python -m pytest tests/unit tests/engine tests/notebooks tests/browser
