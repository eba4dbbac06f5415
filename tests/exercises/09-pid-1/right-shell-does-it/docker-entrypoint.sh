#!/bin/sh
set -eu
set -a
. /app/settings.env
set +a
echo "starting with port $PORT"
"$@" &
pid=$!
trap 'kill -TERM "$pid"' TERM INT
# A signal ends this wait; the next one is for the service itself.
wait "$pid" || true
wait "$pid"
