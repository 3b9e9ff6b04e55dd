-- The cases of spec/support/conformance.lua in every host: the results are the same in all of them.
local uv = require "luv"
local host = require "spec.support.host"
local make = require "spec.support.make"
local nginx = require "spec.support.nginx"
local process = require "spec.support.process"
local testing = require "oneflow.testing"

local CASES = host.root .. "/spec/support/conformance.lua"

local box

-- The sandbox's data for the cases.
local function environment()
  local account = box.accounts[1]
  return { path = CASES, base_url = box.base_url, token = box.token, workspace = account.workspaces[1].id,
    template = account.templates[1].id }
end

-- Runs the cases in a new Lua process; `fn(cases, report)` calls report(name, good, err) for each.
local function in_script(fn)
  return process.start(function(args)
    local cases = dofile(args.path)(args)
    local lines = {}
    local function report(name, good, err) lines[#lines + 1] = { name, good and "ok" or tostring(err) } end
    local runner = string.gsub(args.runner, "..", function(hex) return string.char(tonumber(hex, 16)) end)
    ;(loadstring or load)(runner)(cases, report)
    return lines
  end, (function()
    local args = environment()
    args.runner = process.dump(fn)
    return args
  end)()):result()
end

local hosts = {}

hosts["a script"] = function()
  return in_script(function(cases, report)
    for _, case in ipairs(cases) do report(case[1], pcall(case[2])) end
  end)
end

hosts["gather"] = function()
  return in_script(function(cases, report)
    local functions = {}
    for i, case in ipairs(cases) do
      functions[i] = function() return pcall(case[2]) end
    end
    functions.concurrency = 8
    for i, case in ipairs(cases) do
      local run = functions[i]
      functions[i] = function()
        report(case[1], run())
        return true
      end
    end
    require("oneflow").gather(functions)
  end)
end

hosts["cqueues"] = function()
  return in_script(function(cases, report)
    local cqueues = require "cqueues"
    local gatherer = require("oneflow").gatherer { concurrency = 8 }
    for _, case in ipairs(cases) do gatherer:add(function() report(case[1], pcall(case[2])) end) end
    local loop, ticks = cqueues.new(), 0
    local over = false
    loop:wrap(function()
      repeat cqueues.poll(gatherer) until gatherer:poll(0)
      over = true
    end)
    loop:wrap(function()
      repeat
        cqueues.sleep(0.001)
        ticks = ticks + 1
      until over
    end)
    assert(loop:loop())
    assert(ticks > 1)
  end)
end

hosts["nginx"] = function()
  local env = environment()
  local web = nginx.start { lua = true, env = { LUA_PATH = false, LUA_CPATH = false },
    http = string.format("lua_package_path '%s/lua/?.lua;%s/lua/?/init.lua;;'; "
      .. "lua_package_cpath '%s/build/luajit/?.so;;';", host.root, host.root, host.root),
    server = string.format([[location / { content_by_lua_block {
      local cases = dofile(%q) { base_url = %q, token = %q, workspace = %d, template = %d }
      local threads = {}
      for i, case in ipairs(cases) do
        threads[i] = ngx.thread.spawn(function() return pcall(case[2]) end)
      end
      for i, case in ipairs(cases) do
        local _, good, err = ngx.thread.wait(threads[i])
        ngx.say(case[1], "\t", good and "ok" or tostring(err))
      end
    } }]], env.path, env.base_url, env.token, env.workspace, env.template) }
  local lines = {}
  for name, outcome in string.gmatch(host.shell("curl -sS " .. web.url .. "/"), "([^\t\n]+)\t([^\n]*)") do
    lines[#lines + 1] = { name, outcome }
  end
  if #lines == 0 then error(web:error_log()) end
  return lines
end

hosts["a program in C with a loop of its own"] = function()
  make "loop_host"
  local env, lines = environment(), {}
  local output = host.shell(string.format("'%s/loop_host' '%s' '%s' %s %d %d", host.build, env.path, env.base_url,
    env.token, env.workspace, env.template))
  for name, outcome in string.gmatch(output, "([^\t\n]+)\t([^\n]*)") do
    if name == "ticks" then
      assert.is_true(tonumber(outcome) > 1)
    else
      lines[#lines + 1] = { name, outcome }
    end
  end
  return lines
end

describe("conformance:", function()
  before_each(function() box = testing.server { lua = host.executable } end)
  after_each(function()
    box:stop()
    process.clean()
  end)

  local count = #dofile(CASES) { base_url = "http://127.0.0.1:1/v1", token = string.rep("x", 40) }

  for name, run in pairs(hosts) do
    it("every case comes out right in " .. name, function()
      assert(uv.fs_stat(host.root .. "/build/luajit/oneflow/core.so"), "the sandbox needs the LuaJIT build")
      local lines = run()
      local wrong = {}
      for _, line in ipairs(lines) do
        if line[2] ~= "ok" then wrong[#wrong + 1] = line[1] .. ": " .. line[2] end
      end
      assert.equal("", table.concat(wrong, "\n"))
      assert.equal(count, #lines)
    end)
  end
end)
