#!/bin/sh
# Starts the orders service. Whatever it writes goes to /tmp, which may be a small tmpfs.
set -eu
settings=/tmp/settings.env

printf 'LOG_LEVEL=%s\n' "${LOG_LEVEL:-info}" > "$settings"

export NODE_COMPILE_CACHE=/tmp/cache
# exec: Node.js is process 1, and what it prints is the container's log.
exec node --env-file="$settings" server.cjs > /tmp/orders.log 2>&1
