#!/bin/sh
# A large download through the real stack, in flat memory: the service points to a storage host, nginx is both.
# SIZE=1G   LUAS="lua5.4 luajit"
set -eu
cd "$(dirname "$0")/.."
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

mkdir "$scratch/files"
truncate -s "${SIZE:-1G}" "$scratch/files/1"
echo "%PDF-1.7" >"$scratch/files/2"
port=$(lua5.4 -e 'local uv = require "luv" local s = uv.new_tcp() s:bind("127.0.0.1", 0) print(s:getsockname().port)')
cat >"$scratch/nginx.conf" <<CONF
user $(id -un);
worker_processes 1;
pid $scratch/nginx.pid;
error_log $scratch/error.log;
events { worker_connections 64; }
http {
  access_log off;
  sendfile on;
  default_type application/octet-stream;
  client_body_temp_path $scratch/body;
  proxy_temp_path $scratch/proxy;
  fastcgi_temp_path $scratch/fastcgi;
  uwsgi_temp_path $scratch/uwsgi;
  scgi_temp_path $scratch/scgi;
  server {
    listen 127.0.0.1:$port;
    location ~ ^/v1/contracts/4711/files/([0-9]+)$ { return 302 http://127.0.0.1:$port/files/\$1?signature=x; }
    location /files/ { root $scratch; }
  }
}
CONF
nginx -p "$scratch" -e "$scratch/error.log" -c "$scratch/nginx.conf"

for lua in ${LUAS:-lua5.4 luajit}; do
  echo "a download of ${SIZE:-1G}, $lua"
  LUA_PATH="$(pwd)/lua/?.lua;$(pwd)/lua/?/init.lua;;" LUA_CPATH="$build/$lua/?.so;;" "$lua" bench/download.lua \
    "http://127.0.0.1:$port" "$scratch"
done
