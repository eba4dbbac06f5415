#!/bin/bash
# As in the official image: POSTGRES_PASSWORD (or _FILE), POSTGRES_USER, POSTGRES_DB and
# POSTGRES_INITDB_ARGS make the cluster at the first start; then the server gets the arguments.
set -euo pipefail

value() { # value NAME DEFAULT: the variable, or the content of the file that NAME_FILE names
  local file="${1}_FILE"
  if [ -n "${!file:-}" ]; then cat "${!file}"; else printf '%s' "${!1:-$2}"; fi
}

[ "${1:0:1}" = '-' ] && set -- postgres "$@"
[ "$1" = postgres ] || exec "$@"

if [ "$(id -u)" = 0 ]; then
  mkdir -p "$PGDATA"
  chmod 00700 "$PGDATA"
  chown -R postgres:postgres "$PGDATA" /var/run/postgresql
  # --no-new-privs is left to the engine, as in the official image.
  exec setpriv --reuid postgres --regid postgres --init-groups -- "$BASH_SOURCE" "$@"
fi

if [ ! -s "$PGDATA/PG_VERSION" ]; then
  user=$(value POSTGRES_USER postgres)
  password=$(value POSTGRES_PASSWORD '')
  database=$(value POSTGRES_DB "$user")
  method=${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}
  if [ -z "$password" ] && [ "$method" != trust ]; then
    echo >&2 'Error: Database is uninitialized and superuser password is not specified.'
    echo >&2 '       You must specify POSTGRES_PASSWORD to a non-empty value for the superuser.'
    exit 1
  fi
  read -r -a arguments <<< "${POSTGRES_INITDB_ARGS:-}"
  initdb --username="$user" --pwfile=<(printf '%s\n' "$password") --auth-local=trust \
    ${arguments[@]+"${arguments[@]}"}
  printf '\nhost all all all %s\n' "$method" >> "$PGDATA/pg_hba.conf"
  printf "\nlisten_addresses = '*'\n" >> "$PGDATA/postgresql.conf"
  # A server that only this script reaches: on its Unix socket.
  pg_ctl -D "$PGDATA" -o "-c listen_addresses=''" -w start > /dev/null
  if [ "$database" != postgres ]; then
    psql -X -q -v ON_ERROR_STOP=1 --username "$user" --no-password --dbname postgres \
      --set db="$database" <<< 'CREATE DATABASE :"db";'
  fi
  for script in /docker-entrypoint-initdb.d/*.sql; do
    [ -e "$script" ] || continue
    psql -X -v ON_ERROR_STOP=1 --username "$user" --no-password --dbname "$database" -f "$script"
  done
  pg_ctl -D "$PGDATA" -m fast -w stop > /dev/null
  printf '\nPostgreSQL init process complete; ready for start up.\n\n'
fi
exec "$@"
