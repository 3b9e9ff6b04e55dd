# Read by the shell scripts here: the one nginx that everything is measured against, in a folder of its own that goes
# with it. Sets scratch, build, here (a prefix for the programs measured) and, of what the server serves,
#   port       /v1/contracts/4711 at once (3 KB), a 302 for its files to /files/, /status
#   slow_port  the same contract after $DELAY seconds (0.05)
#   tls_port   as slow_port, over TLS, trusted by $scratch/cert.pem
cd "$(dirname "$0")/.."
build=$(cd "${BUILD:-build}" && pwd)
export DELAY="${DELAY:-0.05}"

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
mkdir "$scratch/files"
truncate -s "${SIZE:-1G}" "$scratch/files/1"
echo "%PDF-1.7" >"$scratch/files/2"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost \
  -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout "$scratch/key.pem" -out "$scratch/cert.pem" 2>/dev/null
# shellcheck disable=SC2046  # three numbers
set -- $(lua5.4 -e 'local uv, all = require "luv", {}
  for i = 1, 3 do all[i] = uv.new_tcp() all[i]:bind("127.0.0.1", 0) print(all[i]:getsockname().port) end')
port=$1 slow_port=$2 tls_port=$3
cat >"$scratch/nginx.conf" <<CONF
load_module /usr/lib/nginx/modules/ndk_http_module.so;
load_module /usr/lib/nginx/modules/ngx_http_lua_module.so;
user $(id -un);
worker_processes 1;
pid $scratch/nginx.pid;
error_log $scratch/error.log;
events { worker_connections 2048; }
http {
  access_log off;
  keepalive_requests 100000000;
  keepalive_time 1d;
  keepalive_timeout 1h;
  open_file_cache max=10;
  sendfile on;
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
    listen 127.0.0.1:$port;
    location = /v1/contracts/4711 { alias $scratch/contract.json; }
    location ~ ^/v1/contracts/4711/files/([0-9]+)$ { return 302 http://127.0.0.1:$port/files/\$1?signature=x; }
    location /files/ { root $scratch; default_type application/octet-stream; types { } }
    location = /status { stub_status; }
  }
  server {
    listen 127.0.0.1:$slow_port backlog=2048;
    listen 127.0.0.1:$tls_port ssl backlog=2048;
    ssl_certificate $scratch/cert.pem;
    ssl_certificate_key $scratch/key.pem;
    location / { content_by_lua_block {
      ngx.sleep($DELAY)
      ngx.header.content_length = #contract
      ngx.print(contract)
    } }
  }
}
CONF
# Client and server each on a processor of their own, where there are two.
if taskset -c 0,1 true 2>/dev/null; then here="taskset -c 0" there="taskset -c 1"; else here='' there=''; fi
$there nginx -p "$scratch" -e "$scratch/error.log" -c "$scratch/nginx.conf"
