#!/bin/sh
set -eu
set -a
. /app/settings.env
set +a
echo "starting with port $PORT"
exec "$@"
