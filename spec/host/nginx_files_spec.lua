-- Files inside nginx: they come and go while the worker serves others; what would block it is refused.
local uv = require "luv"
local host = require "spec.support.host"
local nginx = require "spec.support.nginx"
local process = require "spec.support.process"
local server = require "spec.support.server"
local wire = require "spec.support.wire"

local PRELUDE = [[
  local oneflow = require "oneflow"
  kept = kept or assert(oneflow.client { base_url = os.getenv "UPSTREAM", token = os.getenv "TOKEN",
    socket_dir = os.getenv "FOLDER" .. "/sockets" })
  local user = assert(kept:user "sven@example.com")
  local contract = user:contract(4711)
  local function show(value, err)
    if value then return ngx.say("ok ", tostring(value)) end
    ngx.say("nil ", err.kind, " ", err.outcome, " ", tostring(err))
  end
]]

local function location(path, code)
  return string.format("location %s { content_by_lua_block { %s %s } }\n", path, PRELUDE, code)
end

local function start(target, locations)
  local core = host.root .. "/build/luajit/oneflow/core.so"
  if not uv.fs_stat(core) then error("nginx needs the LuaJIT build: make build LUA=luajit") end
  local folder = host.folder()
  local web = nginx.start {
    lua = true,
    http = string.format("lua_package_path '%s/lua/?.lua;%s/lua/?/init.lua;;'; "
      .. "lua_package_cpath '%s/build/luajit/?.so;;';", host.root, host.root, host.root),
    env = { LUA_PATH = false, LUA_CPATH = false },
    main = "env UPSTREAM=" .. target.url .. "; env TOKEN=" .. wire.TOKEN .. "; env FOLDER=" .. folder .. ";",
    server = "lua_check_client_abort on;\n" .. table.concat(locations)
      .. "location /alive { content_by_lua_block { ngx.say 'alive' } }\n",
  }
  return web, folder
end

local function get(web, path) return host.shell("curl -sS " .. web.url .. path) end

-- The service, which points to another place of itself; what comes from there waits for a word, or for the end.
local function slow_service(args)
  return server.start(function(s, given)
    s.serve(function(c)
      for request in function() return c:request() end do
        if request.method == "POST" then
          s.note("uploaded")
          s.await("go on")
          c:reply(200, { "content-type: application/json" }, '{"id":5}')
        elseif string.find(request.target, "/storage") then
          c:write("HTTP/1.1 200 OK\r\ncontent-type: application/pdf\r\ncontent-length: 6\r\n\r\nabc")
          s.note("half")
          if given.half then
            c:until_closed()
            return s.note("gone")
          end
          s.await("go on")
          c:write("def")
        elseif string.find(request.target, "/files/") then
          c:reply(302, { "location: http://127.0.0.1:" .. string.format("%d", s.port) .. "/storage?s=1" }, "")
        else
          c:good(request)
        end
      end
    end)
  end, args)
end

describe("files in nginx:", function()
  after_each(process.clean)

  it("to a path, as a string and up, while the worker serves others", function()
    for event, code in pairs {
      half = "show(contract:file(1):download { to = os.getenv 'FOLDER' .. '/a.pdf' })",
      ["half "] = "show(contract:file(1):download())",
      uploaded = "show(contract.files:create { content = string.rep('x', 3000000), name = 'a.pdf', "
        .. "upload_as = 'attachment' })",
    } do
      local target = slow_service()
      local web, folder = start(target, { location("/go", code) })
      local child = process.spawn { "curl", "-sS", web.url .. "/go" }
      target:wait((string.gsub(event, " ", "")))
      assert.equal("alive\n", get(web, "/alive"))
      assert.is_nil(host.read(folder .. "/a.pdf"))
      target:tell "go on"
      local _, _, output = child:wait()
      assert.matches("^ok ", output, 1, output .. web:error_log())
      if event == "half" then assert.equal("abcdef", host.read(folder .. "/a.pdf")) end
      if event == "half " then assert.equal("ok abcdef\n", output) end
    end
  end)

  it("case 52: a file of no bytes is a mismatch, and no file has the name", function()
    local target = server.start(function(s)
      s.serve(function(c)
        for _ in function() return c:request() end do
          c:reply(200, { "content-type: application/pdf" }, "")
        end
      end)
    end)
    local web, folder = start(target, {
      location("/to", "show(contract:file(1):download { to = os.getenv 'FOLDER' .. '/empty.pdf' })"),
      location("/string", "show(contract:file(1):download())"),
    })
    for _, path in ipairs { "/to", "/string" } do
      assert.matches("^nil mismatch unknown file%.download as sven@example%.com: mismatch %(200%)", get(web, path))
    end
    assert.is_nil(uv.fs_stat(folder .. "/empty.pdf"))
  end)

  it("a sink or a progress function would block the worker: refused, not sent; with blocking = true it works",
    function()
    local target = slow_service()
    target:tell "go on"
    local web = start(target, {
      location("/sink", "show(contract:file(1):download { sink = function() end })"),
      location("/progress", "show(contract.files:create { content = 'x', name = 'a.pdf', upload_as = 'attachment', "
        .. "progress = function() end })"),
      location("/blocking", "local got = {} assert(contract:file(1):download({ sink = function(chunk) "
        .. "got[#got + 1] = chunk end }, { blocking = true })) ngx.say(table.concat(got))"),
    })
    for _, path in ipairs { "/sink", "/progress" } do
      local answer = get(web, path)
      assert.matches("^nil validation not_sent ", answer, 1, answer .. web:error_log())
      assert.matches("blocking = true", answer, 1, true)
    end
    assert.equal(0, select(2, target:journal()))
    assert.equal("abcdef\n", get(web, "/blocking"))
  end)

  it("a download whose client goes away is dropped, and nothing is left of it", function()
    local target = slow_service { half = true }
    local web, folder = start(target, {
      location("/go", "show(contract:file(1):download { to = os.getenv 'FOLDER' .. '/a.pdf' })"),
      location("/collect", "for _ = 1, 3 do collectgarbage() end ngx.say 'done'"),
    })
    local child = process.spawn { "curl", "-sS", web.url .. "/go" }
    target:wait "half"
    child:kill "sigkill"
    child:wait()
    target:wait "gone"
    process.eventually("the end of the temporary file", function()
      get(web, "/collect")
      for name in uv.fs_scandir_next, assert(uv.fs_scandir(folder)) do
        if string.find(name, "a.pdf", 1, true) then return false end
      end
      return true
    end)
  end)
end)
