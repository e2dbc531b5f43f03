#!/usr/bin/env bash
# What idle raft groups cost: three processes on one SQLite file, a keyspace of IDLE_GROUPS shards with three members each, and
# nobody who reads or writes. Prints each process's share of one core over SECONDS_IDLE and its memory a group. A keyspace of
# one shard is created before: what a process takes once, for code that it has not run yet, belongs to no group.
#
# Environment: IDLE_GROUPS (1000), SECONDS_IDLE (30). Run it when nothing else does.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly count="${IDLE_GROUPS:-1000}" seconds="${SECONDS_IDLE:-30}"
readonly work="$(mktemp -d)"
pids=()

finish() {
    kill "${pids[@]}" 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT

ticks() { awk '{ print $14 + $15 }' "/proc/$1/stat"; }
resident_kib() { awk '/^VmRSS/ { print $2 }' "/proc/$1/status"; }

dotnet build -c Release Exapyte.Silo -v quiet >/dev/null
for node in 1 2 3; do
    artifacts/bin/Exapyte.Silo/release/Exapyte.Silo --node "n$node" --data "$work/n$node" \
        --http "http://127.0.0.1:1810$node" --silo-port "1811$node" --gateway-port "1812$node" \
        --cluster "Data Source=$work/cluster.db" --provider sqlite --log-level Warning >"$work/n$node.log" 2>&1 &
    pids+=("$!")
done
for node in 1 2 3; do
    until curl -fs -o /dev/null "http://127.0.0.1:1810$node/readyz"; do sleep 0.1; done
done
curl -fs -o /dev/null -X PUT http://127.0.0.1:18101/v1/keyspaces/first -d '{"replication":"raft","shards":1}'
sleep 15
from=()
for pid in "${pids[@]}"; do from+=("$(ticks "$pid")"); done
sleep "$seconds"
for i in 0 1 2; do
    awk -v used="$(($(ticks "${pids[$i]}") - from[i]))" -v seconds="$seconds" -v hz="$(getconf CLK_TCK)" \
        -v mib="$(($(resident_kib "${pids[$i]}") / 1024))" -v node="n$((i + 1))" \
        'BEGIN { printf "%s with one group: %.1f %% of one core, %d MiB\n", node, 100 * used / hz / seconds, mib }'
done
before=()
for pid in "${pids[@]}"; do before+=("$(resident_kib "$pid")"); done
since=$(date +%s%N)
curl -fs -o /dev/null -X PUT http://127.0.0.1:18101/v1/keyspaces/idle \
    -d "{\"replication\":\"raft\",\"shards\":$count}"
printf '%s groups of three members created in %s ms\n' "$count" "$((($(date +%s%N) - since) / 1000000))"
sleep 20
from=()
for pid in "${pids[@]}"; do from+=("$(ticks "$pid")"); done
sleep "$seconds"
for i in 0 1 2; do
    awk -v used="$(($(ticks "${pids[$i]}") - from[i]))" -v seconds="$seconds" -v hz="$(getconf CLK_TCK)" \
        -v grown="$(($(resident_kib "${pids[$i]}") - before[i]))" -v count="$count" -v node="n$((i + 1))" \
        'BEGIN { printf "%s: %.1f %% of one core, %.0f KiB a group\n", node, 100 * used / hz / seconds, grown / count }'
done
