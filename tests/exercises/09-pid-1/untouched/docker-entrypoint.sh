#!/bin/sh
# The platform mounts its settings over this file; the image brings defaults.
set -eu
set -a
. /app/settings.env
set +a
echo "starting with port $PORT"
"$@"
