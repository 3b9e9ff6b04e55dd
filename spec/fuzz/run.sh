#!/bin/sh
# What `make fuzz` runs once it has built the program: each trial from its kept corpus, and a line for each.
#   run.sh PROGRAM [TRIAL...]
# SECONDS_EACH=10   how long each runs
# KEEP=1            writes what was found back to spec/fuzz/corpus, reduced to what adds features
# A failing input stays in build/fuzz, and is printed.
set -eu
cd "$(dirname "$0")/../.."
program=$1
shift
trials=${*:-json head url form answer retry webhook dates money}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM HUP
found=${BUILD:-build}/fuzz
mkdir -p "$found"
failed=0
export PROPERTIES=spec/fuzz/properties.lua
# libcurl's resolver, OpenSSL and the sockets' threads keep memory until the end of the process.
export ASAN_OPTIONS=detect_leaks=0:abort_on_error=1 UBSAN_OPTIONS=print_stacktrace=1
printf '%-10s %10s %10s %8s %8s\n' trial inputs runs 'a second' features
for trial in $trials; do
  mkdir "$scratch/$trial" "$scratch/$trial.new"
  lua5.4 spec/fuzz/corpus.lua unpack "spec/fuzz/corpus/$trial.txt" "$scratch/$trial"
  if TARGET=$trial "$program" -max_total_time="${SECONDS_EACH:-10}" -max_len="${MAX_LEN:-2000}" -timeout=10 -print_final_stats=1 \
    -artifact_prefix="$found/$trial-" "$scratch/$trial.new" "$scratch/$trial" >"$scratch/$trial.log" 2>&1; then
    awk -v trial="$trial" -v kept="$(wc -l <"spec/fuzz/corpus/$trial.txt")" '
      /cov: / { for (i = 1; i < NF; i++) if ($i == "ft:") coverage = $(i + 1) }
      /number_of_executed_units/ { runs = $2 }
      /average_exec_per_sec/ { rate = $2 }
      END { printf "%-10s %10d %10d %8d %8d\n", trial, kept, runs, rate, coverage }' "$scratch/$trial.log"
    if [ -n "${KEEP:-}" ]; then
      mkdir "$scratch/$trial.kept"
      TARGET=$trial "$program" -merge=1 -max_len=2000 "$scratch/$trial.kept" "$scratch/$trial" "$scratch/$trial.new" \
        >"$scratch/$trial.merge" 2>&1
      lua5.4 spec/fuzz/corpus.lua pack "$scratch/$trial.kept" "spec/fuzz/corpus/$trial.txt"
    fi
  else
    failed=1
    echo "$trial FAILED:"
    grep -v '^#[0-9]' "$scratch/$trial.log" | tail -n 60
  fi
done
exit $failed
