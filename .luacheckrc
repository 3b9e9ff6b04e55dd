-- The globals of all three Luas together: code tests for those that one lacks (`table.unpack or unpack`). Specs run on
-- all three.
std = "max"
max_line_length = 120
self = false
exclude_files = { "build", "lua/oneflow/annotations.lua" }

files["spec"].std = "max+busted"
-- `for _ in each() do break end`
files["spec"].ignore = { "512" }
files["rockspec"].std = "rockspec"
files["lua/oneflow/sandbox"].globals = { "ngx" }
files["examples/nginx/lua"].globals = { "ngx" }
files["examples/webhooks/lua"].globals = { "ngx" }
