#!/bin/bash
# Makes the stack's databases anew from a backup: deploy/restore.sh DIRECTORY [--keep-automatic]
#
# Stops every program, replaces all five databases, empties the broker, and turns the daily run of due notices
# off: what went out after the backup would go out again. Look first, then start the programs with `make up`, and
# turn the run on in Settings > Calendar. The secrets in the backup (secrets.tar) are put in place by hand, before
# this, where the present ones are lost: PostgreSQL keeps the passwords that it was made with.
set -euo pipefail
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

mapfile -t programs < <("${compose[@]}" config --services | grep -vx postgres)
"${compose[@]}" stop "${programs[@]}"
"${compose[@]}" up --detach --wait postgres

for name in "${names[@]}"; do
  # With the database's own rights, which keep the other services' roles out.
  in_postgres pg_restore --username postgres --dbname postgres --clean --if-exists --create --exit-on-error \
    < "$from/db/$name.dump"
  query "$name" ANALYZE
  echo "$name: restored"
done

# What the broker still holds is of a time that is no more.
"${compose[@]}" up --detach --wait rabbitmq
"${compose[@]}" exec -T rabbitmq bash -c 'rabbitmqctl --quiet list_queues --no-table-headers name \
  | while read -r queue; do rabbitmqctl --quiet purge_queue "$queue"; done' < /dev/null

echo "The company is as it was at $(cat "$from/at")."
if [[ ${2:-} != --keep-automatic ]]; then
  query scheduler "UPDATE calendar SET automatic = false"
  echo "The daily run is off; turn it on in Settings > Calendar once you have looked."
fi
echo "$(query mailer "SELECT count(*) FROM messages WHERE due_at IS NOT NULL") mails were on their way then, and leave once the programs start."
