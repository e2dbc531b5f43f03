#!/usr/bin/env bash
# Measures Exapyte beside a bare Kestrel endpoint on the same machine: PUT and GET of 256-byte values under random keys at
# 64 connections, in alternation (bare, exapyte, bare, ...), and prints the medians and their ratio.
#
#   benchmarks/compare.sh [bare]     "bare" measures the endpoint alone
#
# Environment: ROUNDS (5), SECONDS_A_RUN (10), CONNECTIONS (64), THREADS (2), KEYS (10000), VALUE_BYTES (256),
# REPLICATION (raft). Installs wrk and curl from Debian where they are missing (as root). The load shares the machine's
# cores with the servers: run it when nothing else does.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly only="${1:-}"
readonly rounds="${ROUNDS:-5}" seconds="${SECONDS_A_RUN:-10}" connections="${CONNECTIONS:-64}" threads="${THREADS:-2}"
readonly bare_url="http://127.0.0.1:${BARE_PORT:-18090}" exapyte_url="http://127.0.0.1:${EXAPYTE_PORT:-18080}"
export KEYS="${KEYS:-10000}" VALUE_BYTES="${VALUE_BYTES:-256}" KEYSPACE=compare
readonly work="$(mktemp -d)"
servers=()

finish() {
    local pid
    for pid in "${servers[@]}"; do
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    rm -rf "$work"
}
trap finish EXIT

install_tools() {
    local missing=()
    command -v wrk >/dev/null || missing+=(wrk)
    command -v curl >/dev/null || missing+=(curl)
    if ((${#missing[@]} > 0)); then
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
    fi
}

# start NAME PROGRAM ARGUMENTS...
start() {
    local name="$1"
    shift
    "$@" >"$work/$name.log" 2>&1 </dev/null &
    servers+=("$!")
}

# wait_for NAME URL
wait_for() {
    local attempt
    for ((attempt = 0; attempt < 300; attempt++)); do
        if curl -fs -o /dev/null "$2"; then
            return 0
        fi
        sleep 0.1
    done
    echo "$1 does not answer at $2:" >&2
    tail -n 50 "$work/$1.log" >&2
    return 1
}

# measure TARGET URL OPERATION: appends requests a second and p99 to the target's files and prints them.
measure() {
    local target="$1" url="$2" operation="$3" report rate p99
    report="$(OPERATION="$operation" wrk -t"$threads" -c"$connections" -d"${seconds}s" --latency \
        -s benchmarks/compare.lua "$url")"
    rate="$(awk '/^Requests\/sec:/ { print $2 }' <<<"$report")"
    p99="$(awk '$1 == "99%" { print $2 }' <<<"$report")"
    printf '%-4s %-8s %12s requests/s   p99 %s\n' "$operation" "$target" "$rate" "$p99"
    grep -E 'Non-2xx|Socket errors' <<<"$report" || true
    echo "$rate" >>"$work/$target.$operation"
}

median() {
    sort -n "$1" | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

describe_machine() {
    printf '%s cores, %s, %s, kernel %s, disk %s\n' \
        "$(nproc)" \
        "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" \
        "$(awk '/^MemTotal/ { printf "%d MiB", $2 / 1024 }' /proc/meminfo)" \
        "$(uname -r)" \
        "$(df --output=fstype "$work" | tail -n 1)"
    printf 'commit %s, %s rounds of %s s, %s connections, %s wrk threads, %s keys, values of %s bytes\n\n' \
        "$(git rev-parse --short HEAD)" "$rounds" "$seconds" "$connections" "$threads" "$KEYS" "$VALUE_BYTES"
}

install_tools
dotnet build -c Release benchmarks/Exapyte.Bare -v quiet
targets=(bare)
start bare artifacts/bin/Exapyte.Bare/release/Exapyte.Bare "$bare_url"
wait_for bare "$bare_url/"
if [[ "$only" != bare ]]; then
    dotnet build -c Release Exapyte.Silo -v quiet
    dotnet build -c Release benchmarks/Exapyte.Load -v quiet
    targets+=(exapyte)
    start exapyte artifacts/bin/Exapyte.Silo/release/Exapyte.Silo \
        --node n1 --data "$work/data" --http "$exapyte_url" --log-level Warning \
        --silo-port "${SILO_PORT:-18111}" --gateway-port "${GATEWAY_PORT:-18300}"
    wait_for exapyte "$exapyte_url/readyz"
    # Creates the keyspace and writes every key, so that each GET finds one.
    artifacts/bin/Exapyte.Load/release/Exapyte.Load get --url "$exapyte_url" --keyspace "$KEYSPACE" \
        --replication "${REPLICATION:-raft}" --replicas 1 --keys "$KEYS" --value-size "$VALUE_BYTES" \
        --warmup 3 --seconds 1 >/dev/null
fi

describe_machine
for operation in PUT GET; do
    for ((round = 0; round < rounds; round++)); do
        for target in "${targets[@]}"; do
            url="${target}_url"
            measure "$target" "${!url}" "$operation"
        done
    done
done

echo
for operation in PUT GET; do
    bare="$(median "$work/bare.$operation")"
    printf '%-4s median bare %s requests/s' "$operation" "$bare"
    if [[ "$only" != bare ]]; then
        exapyte="$(median "$work/exapyte.$operation")"
        printf ', exapyte %s requests/s, ratio %s' "$exapyte" "$(awk "BEGIN { printf \"%.2f\", $exapyte / $bare }")"
    fi
    printf '\n'
done
