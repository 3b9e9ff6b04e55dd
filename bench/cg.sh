#!/bin/bash
way=$1 fl=$2
. "$(dirname "$0")/server.sh" >/dev/null 2>&1
run() { env LUA_PATH="$PWD/lua/?.lua;$PWD/lua/?/init.lua;;" LUA_CPATH="$PWD/build/lua5.4/?.so;;" valgrind --tool=callgrind --callgrind-out-file=/tmp/cg.$$ lua5.4 bench/many.lua http://127.0.0.1:$port/v1 $1 $fl $way 2>&1 | sed -n 's/.*Collected : //p'; rm -f /tmp/cg.$$; }
a=$(run 300); b=$(run 1300)
echo "$PWD $way $fl: $(( (b - a) / 1000 ))"
