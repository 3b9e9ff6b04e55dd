#!/bin/sh
# Many GETs at once against an nginx that answers after 50 ms: how close to the ideal, and what a call costs the CPU
# beside a curl_multi loop in C.       many.sh RAW_MULTI_PROGRAM
# COUNT=1000 ROUNDS=5 DELAY=0.05 FLIGHTS="1 16 64"
set -eu
cd "$(dirname "$0")/.."
raw=$1
build=$(cd "${BUILD:-build}" && pwd)
count=${COUNT:-1000} delay=${DELAY:-0.05}

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
load_module /usr/lib/nginx/modules/ndk_http_module.so;
load_module /usr/lib/nginx/modules/ngx_http_lua_module.so;
user $(id -un);
worker_processes 1;
pid $scratch/nginx.pid;
error_log $scratch/error.log;
events { worker_connections 512; }
http {
  access_log off;
  keepalive_requests 100000000;
  keepalive_time 1d;
  tcp_nodelay on;
  default_type application/json;
  client_body_temp_path $scratch/body;
  proxy_temp_path $scratch/proxy;
  fastcgi_temp_path $scratch/fastcgi;
  uwsgi_temp_path $scratch/uwsgi;
  scgi_temp_path $scratch/scgi;
  init_by_lua_block {
    local file = io.open("$scratch/contract.json", "rb")
    contract = file:read("*a")
    file:close()
  }
  server {
    listen 127.0.0.1:$port backlog=1024;
    location / { content_by_lua_block {
      ngx.sleep($delay)
      ngx.header.content_length = #contract
      ngx.print(contract)
    } }
  }
}
CONF
if taskset -c 1 true 2>/dev/null; then pin="taskset -c 1" here="taskset -c 0"; else pin='' here=''; fi
$pin nginx -p "$scratch" -e "$scratch/error.log" -c "$scratch/nginx.conf"

# One round: every contender once -> flight, contender, seconds, CPU seconds
for _ in $(seq "${ROUNDS:-5}"); do
  for flight in ${FLIGHTS:-1 16 64}; do
    n=$count
    [ "$flight" -gt 1 ] || n=40
    echo "$flight raw $n $($here "$raw" "http://127.0.0.1:$port/v1/contracts/4711" "$n" "$flight")"
    for lua in lua5.4 luajit; do
      for way in map gatherer; do
        echo "$flight $lua-$way $n $(LUA_CPATH="$build/$lua/?.so;;" $here "$lua" bench/many.lua \
          "http://127.0.0.1:$port/v1" "$n" "$flight" "$way")"
      done
    done
  done
done | awk -v delay="$delay" '
  { key = $1 " " $2; n[key] = $3
    if (!(key in seconds)) order[++keys] = key
    if (!(key in seconds) || $4 < seconds[key]) seconds[key] = $4
    if (!(key in work) || $5 < work[key]) work[key] = $5 }
  END {
    printf "%-9s %-18s %9s %9s %13s %9s\n", "in flight", "", "seconds", "of ideal", "CPU us a call", "to raw"
    for (i = 1; i <= keys; i++) {
      split(order[i], part, " "); key = order[i]; raw = work[part[1] " raw"]
      waves = int((n[key] + part[1] - 1) / part[1])
      printf "%-9s %-18s %9.3f %9.3f %13.1f %9.2f\n", part[1], part[2], seconds[key],
        n[key] / part[1] * delay / seconds[key], work[key] / n[key] * 1e6, work[key] / raw
    } }'
