#!/bin/sh
# As in the official images: "docker run IMAGE app.js" and "docker run IMAGE --version" run node,
# "docker run IMAGE sh" runs sh.
set -eu
case "${1-}" in
  -*) set -- node "$@" ;;
  *)
    if [ $# -gt 0 ] && { ! command -v "$1" >/dev/null || { [ -f "$1" ] && [ ! -x "$1" ]; }; }; then
      set -- node "$@"
    fi
    ;;
esac
exec "$@"
