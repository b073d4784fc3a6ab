#!/bin/sh
# Makes the data directory on the first start, then becomes PostgreSQL.
# POSTGRES_PASSWORD_FILE: the superuser's password, read on the first start only. Arguments go to postgres.
set -eu

if [ ! -s "$PGDATA/PG_VERSION" ]; then
  : "${POSTGRES_PASSWORD_FILE:?names the file with the password of the superuser, postgres}"
  [ -s "$POSTGRES_PASSWORD_FILE" ] || { echo "plinth-postgres: $POSTGRES_PASSWORD_FILE is empty or missing" >&2; exit 1; }
  # initdb killed half way leaves a directory that is neither empty nor a cluster: it works beside, and the rename is atomic.
  fresh="$PGDATA.unfinished"
  rm -rf "$fresh"
  mkdir -p "$(dirname "$PGDATA")"
  [ ! -d "$PGDATA" ] || rmdir "$PGDATA"
  initdb --pgdata="$fresh" --username=postgres --pwfile="$POSTGRES_PASSWORD_FILE" \
    --auth=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 --data-checksums
  mv "$fresh" "$PGDATA"
  sync
fi

data=$(cut -d. -f1 "$PGDATA/PG_VERSION")
program=$(postgres --version | sed -E 's/.* ([0-9]+).*/\1/')
[ "$data" = "$program" ] || {
  echo "plinth-postgres: $PGDATA was made by PostgreSQL $data and this is $program: dump and restore, or run pg_upgrade" >&2
  exit 1
}

# A volume plugin that hands files to the pod's group opens them wider than PostgreSQL accepts.
chmod 0700 "$PGDATA"
exec postgres --config-file=/etc/plinth-postgres/postgresql.conf -D "$PGDATA" "$@"
