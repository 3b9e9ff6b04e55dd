-- Limited scripts in nginx: what they try in vain elsewhere (spec/fixtures/escapes.lua) they try in vain there, in a
-- request of their own, and in map and gather beside functions of other users, which run in light threads.
local host = require "spec.support.host"
local nginx = require "spec.support.nginx"
local process = require "spec.support.process"
local escapes = require "spec.support.escapes"
local testing = require "oneflow.testing"
local wire = require "spec.support.wire"

local SVEN, ANNA = "sven@example.com", "anna@example.com"

describe("limited scripts in nginx:", function()
  local box, other, web, folder

  setup(function()
    box, other, folder = testing.server {}, wire.healthy(), host.folder()
    local function location(path, code)
      return string.format([[location %s { content_by_lua_block {
        local oneflow, limited = require "oneflow", require "oneflow.limited"
        kept = kept or assert(oneflow.client {
          base_url = os.getenv "UPSTREAM", token = os.getenv "TOKEN", socket_dir = os.getenv "SOCKETS",
          timeout = 20, concurrency = 32,
        })
        local client = kept
        local lines, count = {}, 0
        local function keep(line)
          count = count + 1
          lines[(count - 1) %% 5000 + 1] = tostring(line)
        end
        ngx.req.read_body()
        local text, given = ngx.req.get_body_data(), { user = assert(client:user "sven@example.com"), print = keep }
        %s
        ngx.print(table.concat(lines, "\n"))
      } }
      ]], path, code)
    end
    web = nginx.start {
      lua = true, env = { LUA_PATH = false, LUA_CPATH = false },
      main = string.format("env UPSTREAM=%s; env TOKEN=%s; env SOCKETS=%s/sockets;", box.base_url, box.token, folder),
      http = string.format("client_body_buffer_size 1m; lua_package_path '%s/lua/?.lua;%s/lua/?/init.lua;;'; "
        .. "lua_package_cpath '%s/build/luajit/?.so;;';", host.root, host.root, host.root),
      server = location("/script", [[
        local run = assert(limited.load(text, "script", given))
        local good, message = pcall(run)
        if not good then keep("raised: " .. tostring(message)) end
      ]]) .. location("/map", [[
        local script = assert(limited.load(text, "script", given))()
        local anna = assert(client:user "anna@example.com")
        local list = {}
        for i = 1, 4 do
          list[#list + 1] = function() return script(i) end
          list[#list + 1] = function()
            local body = { workspace_id = 101, template_id = 201, name = "Beside " .. i }
            assert(assert(anna.contracts:create(body)):get())
            return "beside"
          end
        end
        list.concurrency = 6
        local results = oneflow.gather(list)
        local beside = 0
        for i = 2, 8, 2 do beside = beside + (results[i] == "beside" and 1 or 0) end
        local mapped, failures = oneflow.map({ 5, 6, 7 }, function(i)
          if i == 6 then return assert(anna:contract(4711):get()).id end
          return script(i)
        end)
        keep("beside " .. beside .. " " .. tostring(mapped[2]))
      ]]) .. location("/names", [[
        local function list_of(name, value, seen)
          for key, item in next, value do
            keep(name .. key)
            if type(item) == "table" and not seen[item] then
              seen[item] = true
              list_of(name .. key .. ".", item, seen)
            end
          end
        end
        local environment = limited.environment {}
        list_of("", environment, { [environment] = true })
      ]]),
    }
  end)
  teardown(function()
    box:stop()
    process.clean()
    wire.clean()
  end)

  local function run(path, text)
    local file = host.write(folder .. "/script.lua", text)
    local answer = host.shell("curl -sS -m 15 -w '\\n%{http_code}' --data-binary @" .. file .. " " .. web.url .. path)
    local body, status = string.match(answer, "^(.*)\n(%d+)$")
    assert.equal("200", status, answer .. web:error_log())
    local lines = {}
    for line in string.gmatch(body, "[^\n]+") do lines[#lines + 1] = line end
    return lines
  end

  local function check_users(expected)
    local made = 0
    for _, entry in ipairs(box:journal()) do
      if entry.user_email ~= SVEN then
        assert.equal(ANNA, entry.user_email, entry.method .. " " .. entry.path)
        made = made + (entry.method == "POST" and 1 or 0)
      elseif expected then
        assert.is_nil(string.find(entry.path, "4711", 1, true), entry.path)
      end
    end
    assert.equal(expected or 0, made)
  end

  for _, script in ipairs(escapes.scripts("http://127.0.0.1:1", escapes.LUAJIT)) do
    it("fails: " .. script.name, function()
      box:reset()
      box:clear_journal()
      local lines = run("/script", (string.gsub(script.text, "http://127%.0%.0%.1:1", other.url)))
      assert.is_nil(escapes.problem(lines, box.token))
      check_users()
      local _, accepted = other:journal()
      assert.equal(0, accepted, "connections to the other origin")
    end)
  end

  for _, script in ipairs(escapes.gathered(escapes.LUAJIT)) do
    it("case 60: " .. script.name, function()
      box:reset()
      box:clear_journal()
      local lines = run("/map", script.text)
      assert.is_false(escapes.shows(lines, box.token))
      assert.equal("beside 4 4711", lines[#lines], web:error_log())
      check_users(4)
    end)
  end

  it("cannot go past the host's pcall by coroutine.wrap, which is nginx's own elsewhere", function()
    box:clear_journal()
    local lines = run("/script", [[
      local step = coroutine.wrap(function(a) local b = coroutine.yield(a + 1, user:ping()) error(b .. "!", 0) end)
      print(step(1))
      local good, what = pcall(step, "raised in it")
      print(what)
      step()]])
    assert.equal("2", lines[1])
    assert.equal("raised in it!", lines[2])
    assert.is_truthy(string.find(lines[3], "^raised: .*cannot resume dead coroutine"), lines[3])
    check_users()
    assert.equal(1, #box:journal())
  end)

  it("have nothing that nginx added to Lua's libraries", function()
    local names = {}
    for _, name in ipairs(run("/names", "x")) do names[name] = true end
    assert.is_true(names["coroutine.wrap"] and names["table.concat"] and names["string.gsub"])
    for _, name in ipairs { "coroutine._yield", "coroutine._resume", "coroutine.__create", "table.new", "table.clear",
      "ngx", "jit", "print", "getfenv", "setfenv", "newproxy", "string.dump" } do
      assert.is_nil(names[name], name)
    end
  end)
end)
