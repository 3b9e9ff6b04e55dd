#!/bin/sh
# What `make bench` runs, after it has built the programs in C: everything, or the parts named.
#   run.sh [sequential] [decode] [many] [memory] [nginx] [download]
# ROUNDS=5   QUICK=1 for a look that proves nothing   DOCS=1 writes docs/performance.md and its charts
# What it prints goes to build/bench/results.txt as well, the data of its charts beside that.
set -eu
parts=${*:-sequential decode many memory nginx download}
. "$(dirname "$0")/server.sh"
out=$build/bench
rounds=${ROUNDS:-5} seconds=1
[ -z "${QUICK:-}" ] || rounds=1 seconds=0.5

with() { # with LUA COMMAND...: that Lua finds the library
  lua=$1
  shift
  env LUA_PATH="$(pwd)/lua/?.lua;$(pwd)/lua/?/init.lua;;" LUA_CPATH="$build/$lua/?.so;;" "$@"
}

machine() {
  echo "machine   $(nproc) x $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(uname -sr)"
  echo "versions  libcurl $(pkg-config --modversion libcurl), $(nginx -v 2>&1 | sed 's/.*: //')," \
    "$(lua5.4 -v | cut -d' ' -f1,2), $(luajit -v | cut -d' ' -f1,2), cjson $(lua5.4 -e 'print(require("cjson")._VERSION)')"
}

sequential() {
  with lua5.4 lua5.4 bench/sequential.lua "$port" "$out/raw" "$rounds" "$seconds"
}

decode() {
  printf '\ndecoding a page of 100 contracts, %d bytes\n' "$(wc -c <"$scratch/page.json")"
  for lua in lua5.4 luajit; do with "$lua" "$lua" bench/decode.lua "$scratch/page.json" "$rounds"; done
}

many() {
  with lua5.4 lua5.4 bench/many_table.lua "$out/raw_multi" "$scratch/cert.pem" "$slow_port" "$tls_port" "$rounds" \
    "$out/many.dat"
}

memory() {
  printf '\nresident memory of a script\n'
  for lua in lua5.4 luajit; do
    with "$lua" "$lua" bench/memory.lua "http://127.0.0.1:$port/v1" "http://127.0.0.1:$slow_port/v1"
  done
}

nginx_hosts() {
  with lua5.4 lua5.4 bench/nginx.lua "$scratch" "$rounds" "$(lua5.4 -e "print($seconds * 4)")" "$out/nginx.dat"
}

download() {
  printf '\na download of %s through a redirect\n' "${SIZE:-1G}"
  for lua in lua5.4 luajit; do with "$lua" "$lua" bench/download.lua "http://127.0.0.1:$port" "$scratch"; done
}

{
  machine
  for part in $parts; do
    case $part in
      nginx) nginx_hosts ;;
      sequential | decode | many | memory | download) "$part" ;;
      *) echo "no such part: $part" >&2 && exit 2 ;;
    esac
  done
} 2>&1 | tee "$out/results.txt"

if [ -n "${DOCS:-}" ]; then
  lua5.4 bench/report.lua "$out/results.txt" docs/performance.md
  gnuplot -e "data='$out'; out='docs'" bench/charts.gp
fi
