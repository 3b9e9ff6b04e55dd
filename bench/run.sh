#!/bin/sh
# What `make bench` runs: a server with the two bodies, the contenders, decoding.   run.sh RAW_PROGRAM
# ROUNDS=7 SECONDS_EACH=1
set -eu
cd "$(dirname "$0")/.."
raw=$1
build=$(cd "${BUILD:-build}" && pwd)

scratch=$(mktemp -d)
finish() {
  if [ -s "$scratch/nginx.pid" ]; then
    server=$(cat "$scratch/nginx.pid")
    kill "$server" 2>/dev/null || true
    while kill -0 "$server" 2>/dev/null; do sleep 0.1; done
  fi
  rm -rf "$scratch"
}
trap finish EXIT
trap 'exit 130' INT TERM HUP

lua5.4 bench/fixtures.lua "$scratch"
port=$(lua5.4 -e 'local uv = require "luv" local s = uv.new_tcp() s:bind("127.0.0.1", 0) print(s:getsockname().port)')
cat >"$scratch/nginx.conf" <<CONF
user $(id -un);
worker_processes 1;
pid $scratch/nginx.pid;
error_log $scratch/error.log;
events { worker_connections 64; }
http {
  access_log off;
  keepalive_requests 100000000;
  keepalive_time 1d;
  open_file_cache max=10;
  tcp_nodelay on;
  default_type application/json;
  client_body_temp_path $scratch/body;
  proxy_temp_path $scratch/proxy;
  fastcgi_temp_path $scratch/fastcgi;
  uwsgi_temp_path $scratch/uwsgi;
  scgi_temp_path $scratch/scgi;
  server {
    listen 127.0.0.1:$port;
    location = /v1/contracts/4711 { alias $scratch/contract.json; }
    location = /status { stub_status; }
  }
}
CONF
if taskset -c 1 true 2>/dev/null; then pin="taskset -c 1"; else pin=; fi
$pin nginx -p "$scratch" -e "$scratch/error.log" -c "$scratch/nginx.conf"

echo "machine   $(nproc) x $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(uname -sr)"
echo "versions  $(curl-config --version 2>/dev/null || pkg-config --modversion libcurl), $(nginx -v 2>&1 | sed 's/.*: //')," \
  "$(lua5.4 -v | cut -d' ' -f1,2), $(luajit -v | cut -d' ' -f1,2), cjson $(lua5.4 -e 'print(require("cjson")._VERSION)')"

lua5.4 bench/compare.lua "$port" "$raw" "${ROUNDS:-7}" "${SECONDS_EACH:-1}"

echo
echo "decoding a page of 100 contracts, $(wc -c <"$scratch/page.json") bytes"
for lua in lua5.4 luajit; do
  LUA_CPATH="$build/$lua/?.so;;" "$lua" bench/decode.lua "$scratch/page.json" "${ROUNDS:-7}"
done
