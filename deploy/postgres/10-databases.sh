#!/bin/bash
# Runs once, when the server starts with an empty volume: a role and a database of the same name for each
# service. A role owns its database and cannot even connect to another one.
set -euo pipefail

make_database() {
  # psql reads the password from its file by itself, so that it shows in no list of processes.
  SECRET="/run/secrets/postgres-$1" psql --no-psqlrc --quiet -v ON_ERROR_STOP=1 -v name="$1" \
    --username "$POSTGRES_USER" --dbname postgres << 'SQL'
\set password `cat "$SECRET"`
CREATE ROLE :"name" LOGIN PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"name";
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
SQL
}

for name in scheduler mailer paynow sandbox identity; do
  make_database "$name"
done
psql --no-psqlrc --quiet -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
  -c 'REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC'
