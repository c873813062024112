#!/bin/bash
# Backs the stack up, while it runs, into a directory that is not there yet: deploy/backup.sh DIRECTORY
#
# A dump of each database, all of one moment, and the secrets. RabbitMQ and the mails in the sink are not in it:
# what the broker held is told again, and the sink only shows what was sent. Compose is called as `docker compose`
# in this repository; DUNLIN_COMPOSE replaces these words, DUNLIN_SECRETS names the folder of the secrets.
set -euo pipefail
umask 077
here=$(cd "$(dirname "$0")/.." && pwd)
[[ $# -eq 1 ]] || { echo "usage: $0 DIRECTORY" >&2; exit 2; }
to=${1%"${1##*[!/]}"}
[[ -n $to && ! -e $to ]] || { echo "$1 is there already" >&2; exit 3; }
read -ra compose <<< "${DUNLIN_COMPOSE:-docker compose}"
secrets=${DUNLIN_SECRETS:-$here/var/stack}
in_postgres() { (cd "$here" && "${compose[@]}" exec -T postgres "$@"); }

draft="$to.part"
mkdir -p "$draft/db"
trap 'rm -rf "$draft"' EXIT

# bash reads the script from an argument, so that its standard input is ours to end.
coproc moment { in_postgres bash -c "$(cat "$here/deploy/one-moment.sh")"; }
moment_pid=$moment_PID
exec {moment_in}>&"${moment[1]}" {moment_out}<&"${moment[0]}"
declare -A snapshots
while read -r -t 120 name snapshot <&"$moment_out"; do
  [[ $name != ready ]] || break
  snapshots[$name]=$snapshot
done
[[ ${#snapshots[@]} -eq 5 && ${name:-} == ready ]] || { echo "no snapshot of all databases" >&2; exit 1; }
date -u +%Y-%m-%dT%H:%M:%SZ > "$draft/at"

for name in "${!snapshots[@]}"; do
  in_postgres pg_dump --username postgres --format custom --snapshot "${snapshots[$name]}" "$name" \
    > "$draft/db/$name.dump" < /dev/null
  in_postgres pg_restore --list < "$draft/db/$name.dump" > /dev/null
  echo "$name: $(stat -c %s "$draft/db/$name.dump") bytes"
done
exec {moment_in}>&-
eval "exec ${moment[1]}>&-" 2> /dev/null || true
wait "$moment_pid"

tar -C "$secrets" -cf "$draft/secrets.tar" .
mv "$draft" "$to"
echo "$to holds the company as it was at $(cat "$to/at")."
