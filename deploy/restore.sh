#!/bin/bash
# Makes the stack's databases anew from a backup: deploy/restore.sh DIRECTORY [--keep-automatic]
#
# Stops every program, replaces all five databases, empties the broker, and turns the daily run of due notices
# off: what went out after the backup would go out again. Look first, then start the programs with `make up`, and
# turn the run on in Settings > Calendar. What fails on the way changes nothing: the present databases are put
# aside until all the others are there, which takes as much disk again. The secrets in the backup (secrets.tar) are
# put in place by hand, before this, where the present ones are lost: PostgreSQL keeps the passwords that it was made
# with.
set -Eeuo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
[[ $# -ge 1 && $# -le 2 && ${2:---keep-automatic} == --keep-automatic ]] \
  || { echo "usage: $0 DIRECTORY [--keep-automatic]" >&2; exit 2; }
from=$(cd "$1" && pwd)
automatic=$([[ ${2:-} == --keep-automatic ]] && echo kept || echo off)
names=(scheduler mailer paynow sandbox identity)
for name in "${names[@]}"; do
  [[ -s $from/db/$name.dump ]] || { echo "$from/db/$name.dump is missing" >&2; exit 3; }
done
read -ra compose <<< "${DUNLIN_COMPOSE:-docker compose}"
cd "$here"
in_postgres() { "${compose[@]}" exec -T postgres "$@"; }
# Statements from stdin, so that \gexec can run those that a SELECT has written: PostgreSQL itself says which
# databases there are, and an answer that is lost is an error and not a "no".
sql() { in_postgres psql --no-psqlrc --quiet --no-align --tuples-only -v ON_ERROR_STOP=1 \
  --username postgres --dbname "${1:-postgres}"; }
of_ours() { printf "FROM pg_database JOIN unnest(string_to_array('%s', ' ')) AS name ON datname = name || '%s'" \
  "${names[*]}" "$1"; }

# Databases that are put aside are called `_before`. From the moment in which those are called `_old`, all of them
# at once, the restored ones stay.
drop_old() {
  sql <<< "SELECT format('DROP DATABASE %I WITH (FORCE)', datname) $(of_ours _old) \gexec"
}
put_aside() {
  sql > /dev/null <<< "SELECT format('ALTER DATABASE %I ALLOW_CONNECTIONS false', name),
    format('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %L', name),
    format('ALTER DATABASE %I RENAME TO %I', name, name || '_before') $(of_ours '') \gexec"
}
bring_back() {
  sql <<< "SELECT format('DROP DATABASE IF EXISTS %I WITH (FORCE)', name),
    format('ALTER DATABASE %I RENAME TO %I', datname, name) $(of_ours _before) \gexec
    SELECT format('ALTER DATABASE %I ALLOW_CONNECTIONS true', name) $(of_ours '') WHERE NOT datallowconn \gexec"
}
keep_restored() {
  sql <<< "BEGIN;
    SELECT format('ALTER DATABASE %I RENAME TO %I', datname, name || '_old') $(of_ours _before) \gexec
    COMMIT;"
}
finish() {
  trap 'echo "The backup is in place, but not all was cleaned up after it. Run this again." >&2' ERR
  drop_old
  # What the broker still holds is of a time that is no more.
  "${compose[@]}" up --detach --wait rabbitmq
  "${compose[@]}" exec -T rabbitmq bash -c 'set -o pipefail; rabbitmqctl --quiet list_queues --no-table-headers name \
    | while read -r queue; do rabbitmqctl --quiet purge_queue "$queue" || exit 1; done' < /dev/null
  waiting=$(sql mailer <<< "SELECT count(*) FROM messages WHERE due_at IS NOT NULL")
  echo "The company is as it was at $(cat "$from/at")."
  if [[ $automatic == off ]]; then
    echo "The daily run is off; turn it on in Settings > Calendar once you have looked."
  fi
  echo "$waiting mails were on their way then, and leave once the programs start."
}
failed() {
  trap - ERR INT TERM
  local kept
  if ! kept=$(sql <<< "SELECT count(*) $(of_ours _old)"); then
    echo "The restore has failed, and PostgreSQL does not answer. Run this again: it first puts the databases right." >&2
  elif [[ $kept != 0 ]]; then
    echo "The backup was in place already; going on with cleaning up." >&2
    finish
    exit 0
  elif bring_back; then
    echo "The restore has failed; the databases are brought back as they were." >&2
  else
    echo "The restore has failed, and the databases are not all brought back. Run this again: it does that first." >&2
  fi
  exit "$1"
}

mapfile -t programs < <("${compose[@]}" config --services | grep -vx postgres)
"${compose[@]}" stop "${programs[@]}"
"${compose[@]}" up --detach --wait postgres
for name in "${names[@]}"; do
  in_postgres pg_restore --list < "$from/db/$name.dump" > /dev/null \
    || { echo "$from/db/$name.dump cannot be read; nothing was changed" >&2; exit 4; }
done

# What a restore that was killed has left.
drop_old
bring_back
trap 'failed 1' ERR
trap 'failed 130' INT TERM
put_aside
for name in "${names[@]}"; do
  # With the database's own rights, which keep the other services' roles out.
  in_postgres pg_restore --username postgres --dbname postgres --create --exit-on-error < "$from/db/$name.dump"
  sql "$name" <<< ANALYZE
  echo "$name: restored"
done
if [[ $automatic == off ]]; then
  sql scheduler <<< "UPDATE calendar SET automatic = false"
fi
# Whoever presses Ctrl-C now could not be told what has become of it.
trap '' INT TERM
keep_restored
trap - INT TERM
finish
