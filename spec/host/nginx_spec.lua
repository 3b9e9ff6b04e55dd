-- Inside nginx: a call never blocks the worker unless that was asked for.
local uv = require "luv"
local host = require "spec.support.host"
local nginx = require "spec.support.nginx"
local process = require "spec.support.process"
local wire = require "spec.support.wire"

local function start(target, options)
  local core = host.root .. "/build/luajit/oneflow/core.so"
  if not uv.fs_stat(core) then error("nginx needs the LuaJIT build: make build LUA=luajit") end
  options.lua = true
  options.http = string.format("lua_package_path '%s/lua/?.lua;%s/lua/?/init.lua;;'; "
    .. "lua_package_cpath '%s/build/luajit/?.so;;';\n",
    host.root, host.root, host.root) .. (options.http or "")
  options.env = { LUA_PATH = false, LUA_CPATH = false }
  options.main = "env UPSTREAM=" .. target.url .. "; env TOKEN=" .. wire.TOKEN .. ";"
  return nginx.start(options)
end

-- What every handler begins with: a client made in the worker, and how a call is shown.
local PRELUDE = [[
  local oneflow = require "oneflow"
  local function client()
    return assert(oneflow.client { base_url = os.getenv "UPSTREAM", token = os.getenv "TOKEN" })
  end
  local function call(opts)
    opts = opts or {}
    opts.as = "sven@example.com"
    local contract, err = client():contract(4711):get(opts)
    if contract then return "ok " .. contract.name end
    return tostring(contract) .. " " .. err.kind .. " " .. err.outcome .. " " .. tostring(err)
  end
]]

describe("nginx:", function()
  after_each(process.clean)

  local function get(web, path) return host.shell("curl -sS " .. web.url .. path) end

  it("in a content handler a call fails, not_sent, and names the way out; with blocking = true it works",
    function()
    local target = wire.healthy()
    local web = start(target, { server = "location /plain { content_by_lua_block {" .. PRELUDE
      .. "ngx.say(call()) } }\n"
      .. "location /blocking { content_by_lua_block {" .. PRELUDE
        .. "ngx.say(call { blocking = true }) } }\n" })
    local answer = get(web, "/plain")
    assert.is_truthy(string.find(answer, "^nil %S+ not_sent "), answer .. web:error_log())
    assert.is_truthy(string.find(answer, "blocking", 1, true), answer)
    local _, accepted = target:journal()
    assert.equal(0, accepted)
    assert.equal("ok Contract 4711\n", get(web, "/blocking"), web:error_log())
    local journal = target:journal()
    assert.equal(1, #journal)
    assert.equal(wire.SVEN, journal[1].headers["x-oneflow-user-email"])
  end)

  it("the same in the rewrite, access, header filter, log and timer phases", function()
    local target = wire.healthy()
    local web = start(target, { http = "lua_shared_dict results 1m;\n",
      server = "location /rewrite { rewrite_by_lua_block {" .. PRELUDE
        .. "ngx.say(call()) ngx.exit(200) } }\n"
      .. "location /access { access_by_lua_block {" .. PRELUDE .. "ngx.say(call()) ngx.exit(200) } }\n"
      .. "location /header { return 200 x; header_filter_by_lua_block {" .. PRELUDE
        .. "ngx.header['x-result'] = call() } }\n"
      .. "location /log { return 200 x; log_by_lua_block {" .. PRELUDE
        .. "ngx.shared.results:rpush('log', call()) } }\n"
      .. "location /timer { content_by_lua_block {" .. PRELUDE
        .. "local thread = ngx.thread.spawn(function() return call() end)\n"
      .. "local _, result = ngx.thread.wait(thread) ngx.say(result) } }\n"
      .. "location /result { content_by_lua_block { ngx.say(ngx.shared.results:lpop('log')) } }\n" })
    for _, path in ipairs { "/rewrite", "/access", "/timer" } do
      local answer = get(web, path)
      assert.is_truthy(string.find(answer, "^nil %S+ not_sent "), path .. ": " .. answer .. web:error_log())
    end
    local answer = host.shell("curl -sSi " .. web.url .. "/header")
    assert.is_truthy(string.find(answer, "x%-result: nil %S+ not_sent "), answer .. web:error_log())
    get(web, "/log")
    answer = get(web, "/result")
    assert.is_truthy(string.find(answer, "^nil %S+ not_sent "), answer .. web:error_log())
    local _, accepted = target:journal()
    assert.equal(0, accepted)
  end)

  it("in init_by_lua a call works with blocking = true, and a client made there works in the workers",
    function()
    local target = wire.healthy()
    local web = start(target, {
      http = "init_by_lua_block {" .. PRELUDE
        .. "shared = client()\n at_start = call { blocking = true } without = call() }\n",
      server = "location / { content_by_lua_block {\n"
        .. "local contract, err = shared:contract(4711):get { as = 'sven@example.com', blocking = true }\n"
        .. "ngx.say(at_start, '|', contract and contract.name or tostring(err), '|', without) } }",
      workers = 2,
    })
    for _ = 1, 4 do
      local answer = get(web, "/")
      assert.is_truthy(string.find(answer, "ok Contract 4711|Contract 4711|nil ", 1, true), answer
        .. web:error_log())
    end
    assert.equal(5, #target:journal())
  end)
end)
