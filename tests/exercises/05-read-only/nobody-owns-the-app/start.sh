#!/bin/sh
# Starts the orders service.
set -eu
cd /app

if [ -e orders.pid ]; then
  echo "already running as process $(cat orders.pid)" >&2
  exit 1
fi
echo $$ > orders.pid

mkdir -p cache logs
printf 'LOG_LEVEL=%s\n' "${LOG_LEVEL:-info}" > settings.env

export NODE_COMPILE_CACHE=/app/cache
exec node --env-file=settings.env server.cjs > logs/orders.log 2>&1
