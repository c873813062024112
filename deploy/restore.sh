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
names=(scheduler mailer paynow sandbox identity)
for name in "${names[@]}"; do
  [[ -s $from/db/$name.dump ]] || { echo "$from/db/$name.dump is missing" >&2; exit 3; }
done
read -ra compose <<< "${DUNLIN_COMPOSE:-docker compose}"
cd "$here"
in_postgres() { "${compose[@]}" exec -T postgres "$@"; }
query() { in_postgres psql --no-psqlrc --quiet --no-align --tuples-only -v ON_ERROR_STOP=1 \
  --username postgres --dbname "$1" -c "$2" < /dev/null; }

is_there() { [[ $(query postgres "SELECT count(*) FROM pg_database WHERE datname = '$1'") == 1 ]]; }
# From the moment in which those put aside are called `_old`, all of them at once, the restored ones stay.
drop_old() { for name in "${names[@]}"; do query postgres "DROP DATABASE IF EXISTS ${name}_old WITH (FORCE)"; done; }
bring_back() {
  drop_old
  for name in "${names[@]}"; do
    if is_there "${name}_before"; then
      query postgres "DROP DATABASE IF EXISTS $name WITH (FORCE)"
      query postgres "ALTER DATABASE ${name}_before RENAME TO $name"
    fi
    if is_there "$name"; then query postgres "ALTER DATABASE $name ALLOW_CONNECTIONS true"; fi
  done
}
failed() { echo "The restore has failed; the databases are brought back as they were." >&2; bring_back; }

mapfile -t programs < <("${compose[@]}" config --services | grep -vx postgres)
"${compose[@]}" stop "${programs[@]}"
"${compose[@]}" up --detach --wait postgres
for name in "${names[@]}"; do
  in_postgres pg_restore --list < "$from/db/$name.dump" > /dev/null \
    || { echo "$from/db/$name.dump cannot be read; nothing was changed" >&2; exit 4; }
done

bring_back  # what a restore that was killed has left
trap failed ERR
trap 'failed; exit 130' INT TERM
for name in "${names[@]}"; do
  if is_there "$name"; then
    query postgres "ALTER DATABASE $name ALLOW_CONNECTIONS false"
    query postgres "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = '$name'" > /dev/null
    query postgres "ALTER DATABASE $name RENAME TO ${name}_before"
  fi
done
for name in "${names[@]}"; do
  # With the database's own rights, which keep the other services' roles out.
  in_postgres pg_restore --username postgres --dbname postgres --create --exit-on-error < "$from/db/$name.dump"
  query "$name" ANALYZE
  echo "$name: restored"
done
if [[ ${2:-} != --keep-automatic ]]; then
  query scheduler "UPDATE calendar SET automatic = false"
fi
renames=
for name in "${names[@]}"; do
  if is_there "${name}_before"; then renames+="ALTER DATABASE ${name}_before RENAME TO ${name}_old; "; fi
done
if [[ -n $renames ]]; then query postgres "BEGIN; $renames COMMIT"; fi
trap - ERR INT TERM
drop_old

# What the broker still holds is of a time that is no more.
"${compose[@]}" up --detach --wait rabbitmq
"${compose[@]}" exec -T rabbitmq bash -c 'rabbitmqctl --quiet list_queues --no-table-headers name \
  | while read -r queue; do rabbitmqctl --quiet purge_queue "$queue"; done' < /dev/null

echo "The company is as it was at $(cat "$from/at")."
if [[ ${2:-} != --keep-automatic ]]; then
  echo "The daily run is off; turn it on in Settings > Calendar once you have looked."
fi
echo "$(query mailer "SELECT count(*) FROM messages WHERE due_at IS NOT NULL") mails were on their way then, and leave once the programs start."
