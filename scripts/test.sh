#!/bin/sh
# Every test, the quick ones first. What was running before runs afterwards; nothing else is left.
set -eu
cd "$(dirname "$0")/.."
# The engine gets its base images meanwhile, which is mostly waiting for the network.
said=$(mktemp)
.venv/bin/workbook bases --ensure >"$said" 2>&1 &
ensuring=$!
trap 'if [ -n "$ensuring" ]; then kill "$ensuring" 2>/dev/null || true; fi; rm -f "$said"' EXIT
scripts/lint.sh
.venv/bin/python -m pytest tests/unit
wait "$ensuring" || cat "$said"
ensuring=
.venv/bin/python -m pytest tests/engine tests/notebooks tests/browser
