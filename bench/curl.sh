#!/bin/sh
# One curl process a call.   curl.sh URL SECONDS     prints: requests seconds
set -eu
requests=0
start=$(date +%s%N)
limit=$(awk "BEGIN { printf \"%d\", $2 * 1000000000 }")
while :; do
  curl -sf -o /dev/null -H 'accept: application/json' -H 'x-oneflow-user-email: sven@example.com' \
    -H 'x-oneflow-api-token: 0123456789abcdef0123456789abcdef01234567' "$1"
  requests=$((requests + 1))
  spent=$(($(date +%s%N) - start))
  [ "$spent" -lt "$limit" ] || break
done
awk "BEGIN { printf \"%d %.6f\n\", $requests, $spent / 1000000000 }"
