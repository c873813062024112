#!/bin/bash
# Runs in the container of PostgreSQL, for backup.sh: says a snapshot of each database, all of one moment,
# then "ready", and keeps them until its standard input ends.
#
# The scheduler is told by the others what has happened, and tells the mailer what to send. While its ledger
# and its inbox stand still, which takes milliseconds, no side can be ahead of what the other has been told.
# The sandbox comes after paynow: a provider may know a charge that the ledger does not, as a real one does after
# any restore; else the ledger would name money that nobody has taken.
set -euo pipefail

names=(scheduler mailer paynow sandbox identity)
folder=$(mktemp -d -p /dev/shm)
trap 'rm -rf "$folder"' EXIT
mkfifo "$folder/said"
exec 9<> "$folder/said"
rm -rf "$folder"
declare -A sessions

session() { # NAME DATABASE
  local input
  exec {input}> >(exec psql --no-psqlrc --quiet --no-align --tuples-only -v ON_ERROR_STOP=1 \
    --username postgres --dbname "$2" >&9 2>&1)
  sessions[$1]=$input
}

tell() { # NAME STATEMENTS: what the session answers
  printf '%s\n' "$2" >&"${sessions[$1]}"
  local said
  read -r -t 60 said <&9 || { echo "no answer from $1" >&2; exit 1; }
  printf '%s\n' "$said"
}

session ledger scheduler
for name in "${names[@]}"; do session "$name" "$name"; done

# In the order in which a fact is handled, or the two would wait for each other.
held=$(tell ledger "SET lock_timeout = '30s'; BEGIN; LOCK TABLE inbox, notices IN EXCLUSIVE MODE; SELECT 'held';")
[[ $held == held ]] || { echo "$held" >&2; exit 1; }
for name in "${names[@]}"; do
  snapshot=$(tell "$name" "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT pg_export_snapshot();")
  [[ $snapshot =~ ^[0-9A-F]+-[0-9A-F]+-[0-9]+$ ]] || { echo "$snapshot" >&2; exit 1; }
  echo "$name $snapshot"
done
[[ $(tell ledger "ROLLBACK; SELECT 'let go';") == "let go" ]]
echo ready
cat > /dev/null
