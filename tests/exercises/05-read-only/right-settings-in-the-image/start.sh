#!/bin/sh
set -eu
exec node --env-file=/app/settings.env server.cjs
