#!/usr/bin/env bash
# Measures what keys and TLS cost at one node: PUT and GET without either, with keys, and with keys and TLS, in rounds of
# all of them; then a load beside a flood of wrong keys. Prints a line a run; the programs must be built (Release).
#
#   bash benchmarks/secured.sh [ROUNDS] [SECONDS]
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
rounds="${1:-3}"
seconds="${2:-6}"
work="$(mktemp -d)"
pids=()
trap 'kill "${pids[@]}" 2>/dev/null; wait 2>/dev/null; rm -rf "$work"' EXIT
silo="$root/artifacts/bin/Exapyte.Silo/release/Exapyte.Silo.dll"
load="$root/artifacts/bin/Exapyte.Load/release/Exapyte.Load.dll"

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj "/CN=bench" \
  -addext "subjectAltName=DNS:localhost,IP:127.0.0.1" -keyout "$work/tls.key" -out "$work/tls.crt" 2>/dev/null

# start NAME PORT ARGS..: a node of its own; returns when it is ready.
start() {
    local name="$1" port="$2"
    shift 2
    dotnet "$silo" --node "$name" --data "$work/$name" --silo-port "$((port + 1))" --gateway-port "$((port + 2))" "$@" \
        >"$work/$name.log" 2>&1 &
    pids+=($!)
    until grep -q '^Ready ' "$work/$name.log"; do sleep 0.2; kill -0 "${pids[-1]}"; done
}
start plain 18080 --http http://127.0.0.1:18080
start keyed 18090 --http http://127.0.0.1:18090 --auth keys
start secured 18100 --http https://127.0.0.1:18100 --auth keys --tls-cert "$work/tls.crt" --tls-key "$work/tls.key"

# run LABEL WORKLOAD ARGS..: the rate of answers below 400.
run() {
    local label="$1" workload="$2"
    shift 2
    dotnet "$load" "$workload" --connections 64 --warmup 2 --seconds "$seconds" "$@" >"$work/out" 2>&1 ||
        { cat "$work/out"; exit 1; }
    printf '%-9s %s\n' "$label" "$(grep 'ops/s' "$work/out" | tr -s ' ')"
}
for ((round = 0; round < rounds; round++)); do
    for workload in put get; do
        run plain "$workload" --url http://127.0.0.1:18080
        run keys "$workload" --url http://127.0.0.1:18090 --key "$(cat "$work/keyed/root.key")"
        run keys+tls "$workload" --url https://127.0.0.1:18100 --ca "$work/tls.crt" --key "$(cat "$work/secured/root.key")"
    done
done
# A steady load well below what the node takes, alone and beside 10,000 wrong keys a second.
steady() {
    run "$1" mixed --url http://127.0.0.1:18090 --key "$(cat "$work/keyed/root.key")" --rate 4000
}
for ((round = 0; round < rounds; round++)); do
    steady calm
    dotnet "$load" get --insist --url http://127.0.0.1:18090 --key kwrong.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA \
        --no-fill --connections 1024 --rate 10000 --warmup 0 --seconds "$((seconds + 10))" >"$work/flood" 2>&1 &
    flood=$!
    sleep 1
    steady flooded
    wait "$flood"
    printf '%-9s %s\n' flood "$(grep 'ops/s' "$work/flood" | tr -s ' ')"
done
