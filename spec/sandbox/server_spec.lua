-- `oneflow sandbox` as a process: what it prints, how it ends, and that it removes its files.
local core = require "oneflow.core"
local host = require "spec.support.host"
local process = require "spec.support.process"
local uv = require "luv"

local unpack = rawget(table, "unpack") or rawget(_G, "unpack")

-- bin/oneflow as a user runs it, but with the Lua of the specs, and with temporary files in a folder of
-- its own, so that what is left of it can be seen.
local children = {}
local function oneflow(folder, ...)
  local command = { host.executable, host.root .. "/bin/oneflow", ... }
  command.env = { TMPDIR = folder }
  children[#children + 1] = process.spawn(command)
  return children[#children]
end

local function entries(folder)
  local list, found = {}, assert(uv.fs_scandir(folder))
  while true do
    local name = uv.fs_scandir_next(found)
    if not name then return list end
    list[#list + 1] = name
  end
end

-- The processes whose command line names the folder.
local function processes(folder)
  local list, found = {}, assert(uv.fs_scandir("/proc"))
  while true do
    local name = uv.fs_scandir_next(found)
    if not name then return list end
    local file = string.match(name, "^%d+$") and io.open("/proc/" .. name .. "/cmdline", "rb")
    if file then
      local command = file:read("*a")
      file:close()
      if command and string.find(command, folder, 1, true) then list[#list + 1] = name end
    end
  end
end

local function listens(port)
  local answer
  local socket = uv.new_tcp()
  socket:connect("127.0.0.1", port, function(err) answer = err or "open" end)
  process.wait_until(function() return answer end, "an answer to connect")
  socket:close()
  return answer == "open"
end

local function assert_gone(folder, port)
  assert.same({}, entries(folder))
  assert.same({}, processes(folder))
  assert.is_false(listens(port))
end

describe("oneflow sandbox", function()
  local folder, ticker

  before_each(function()
    folder = host.folder()
    -- Something to turn the loop, for what happens outside of it.
    ticker = uv.new_timer()
    ticker:start(20, 20, function() end)
  end)
  after_each(function()
    ticker:close()
    for _, child in ipairs(children) do child:kill() end -- those that a failed spec left running
    children = {}
    process.clean()
    host.remove(folder)
  end)

  local function ready(child)
    local line = child:line()
    assert.is_string(line, "no line of JSON, but: " .. child.errors)
    local description = assert(core.decode(line))
    return description, tonumber(string.match(description.base_url, ":(%d+)/v1$"))
  end

  it("prints one line of JSON when it is ready: everything that a script needs", function()
    local child = oneflow(folder, "sandbox", "--port", "0")
    local description, port = ready(child)
    assert.truthy(string.match(description.base_url, "^http://127%.0%.0%.1:%d+/v1$"))
    assert.equal(40, #description.token)
    assert.truthy(string.match(description.control_key, "^sandbox%-[a-zA-Z0-9-]+$"))
    assert.equal(40, #description.control_key)
    assert.same({ 4711, 4712, 4713, 4714 }, description.contracts)
    local roles = {}
    for _, user in ipairs(description.users) do roles[user.email] = user.role end
    assert.same({ "user", "user" }, { roles["sven@example.com"], roles["anna@example.com"] })
    assert.is_true(listens(port))
    -- Private: its one folder is for its user only, and holds neither token nor key.
    local names = entries(folder)
    assert.equal(1, #names)
    local private = folder .. "/" .. names[1]
    assert.equal(448, uv.fs_stat(private).mode % 512) -- 0700
    local text = host.shell("cat " .. private .. "/*.* 2>/dev/null")
    assert.is_nil(string.find(text, description.token, 1, true))
    assert.is_nil(string.find(text, description.control_key, 1, true))
    child:kill("sigterm")
    local code, signal, output = child:wait()
    assert.same({ 0, 0, "" }, { code, signal, output })
    assert_gone(folder, port)
  end)

  for _, signal in ipairs{ "sigterm", "sigint", "sighup" } do
    it("ends on " .. signal .. " and removes its files", function()
      local child = oneflow(folder, "sandbox")
      local _, port = ready(child)
      child:kill(signal)
      assert.equal(0, (child:wait()))
      assert_gone(folder, port)
    end)
  end

  it("is gone soon after it was killed", function()
    local child = oneflow(folder, "sandbox")
    local _, port = ready(child)
    child:kill("sigkill")
    child:wait()
    process.wait_until(function()
      return #entries(folder) == 0 and #processes(folder) == 0 and not listens(port)
    end, "the end of what the supervisor started")
  end)

  it("ends when nginx dies, or its worker, and says so", function()
    for _, which in ipairs{ "master", "worker" } do
      local child = oneflow(folder, "sandbox")
      local _, port = ready(child)
      local pid = string.match(host.shell("cat " .. folder .. "/*/nginx.pid"), "%d+")
      if which == "worker" then
        pid = string.match(host.shell("cat /proc/" .. pid .. "/task/" .. pid .. "/children"), "%d+")
      end
      host.shell("kill -9 " .. pid)
      local code, _, _, errors = child:wait()
      assert.equal(1, code)
      assert.truthy(string.find(errors, "nginx died unexpectedly", 1, true))
      assert_gone(folder, port)
    end
  end)

  it("ends with its input when it is asked to", function()
    local child = oneflow(folder, "sandbox", "--until-eof")
    local _, port = ready(child)
    child:close_input()
    assert.equal(0, (child:wait()))
    assert_gone(folder, port)
  end)

  it("says that a port is taken", function()
    local first = oneflow(folder, "sandbox")
    local _, port = ready(first)
    local code, _, output, errors = oneflow(folder, "sandbox", "--port", tostring(port)):wait()
    assert.same({ 1, "" }, { code, output })
    assert.truthy(string.find(errors, "port " .. port .. " is in use", 1, true))
    assert.is_true(listens(port))
    first:kill()
    first:wait()
    local again = oneflow(folder, "sandbox", "--port", tostring(port))
    assert.equal(port, select(2, ready(again)))
    again:kill()
    again:wait()
    assert_gone(folder, port)
  end)

  it("takes its data from a file, and refuses a wrong one by the path of what is wrong", function()
    local _, _, text = oneflow(folder, "sandbox", "seed"):wait()
    local seed = assert(core.decode(text))
    seed.accounts[1].contracts[1].name = "My own"
    local path = folder .. "/seed.json"
    host.write(path, (assert(core.encode(seed))))
    local child = oneflow(folder, "sandbox", "--seed", path)
    local description = ready(child)
    local _, _, answer = process.spawn{ "curl", "-s", description.base_url .. "/contracts/4711",
      "-H", "x-oneflow-api-token: " .. description.token }:wait()
    assert.equal("My own", core.decode(answer)._private.name)
    child:kill()
    child:wait()

    seed.accounts[1].contracts[1].state = "lost"
    host.write(path, (assert(core.encode(seed))))
    local code, _, output, errors = oneflow(folder, "sandbox", "--seed", path):wait()
    assert.same({ 1, "" }, { code, output })
    assert.truthy(string.find(errors, "accounts[0].contracts[0].state", 1, true))
    host.write(path, "{")
    code, _, _, errors = oneflow(folder, "sandbox", "--seed", path):wait()
    assert.equal(1, code)
    assert.truthy(string.find(errors, "is not JSON", 1, true))
    code = oneflow(folder, "sandbox", "--seed", folder .. "/none.json"):wait()
    assert.equal(1, code)
    assert.same({ "seed.json" }, entries(folder))
  end)

  it("is controlled by sub-commands", function()
    local child = oneflow(folder, "sandbox")
    local description = ready(child)
    local function run(...)
      local arguments = { ... }
      for _, word in ipairs{ "--url", description.base_url, "--key", description.control_key } do
        arguments[#arguments + 1] = word
      end
      local code, _, output, errors = oneflow(folder, "sandbox", unpack(arguments)):wait()
      return code, output, errors
    end
    local code, token, problem = run("token", "generate", "reports")
    assert.equal(0, code, problem)
    assert.truthy(string.match(token, "^[a-zA-Z0-9-]+\n$"))
    local function status()
      local _, _, output = process.spawn{ "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}",
        description.base_url .. "/contracts/4711", "-H", "x-oneflow-user-email: anna@example.com",
        "-H", "x-oneflow-api-token: " .. string.match(token, "%S+") }:wait()
      return output
    end
    assert.equal("200", status())
    local names = select(2, run("token", "list"))
    assert.truthy(string.find(names, '"reports"', 1, true))
    assert.is_nil(string.find(names, string.match(token, "%S+"), 1, true))
    run("extension", "off")
    assert.equal("401", status())
    run("extension", "on")
    run("user", "deactivate", "anna@example.com")
    assert.equal("401", status())
    run("user", "activate", "anna@example.com")
    run("fault", "contract.get", "503", "--times", "1")
    assert.equal("503", status())
    assert.equal("200", status())
    local _, ids = run("contracts", "add", "3", "--state", "signed")
    assert.truthy(string.match(ids, "^%d+\n%d+\n%d+\n$"))
    local _, lines = run("journal")
    assert.equal(5, select(2, string.gsub(lines, "\n", "\n")))
    local _, signed = run("sign", "--contract", "4714", "--participant", "pia@pilot.example")
    assert.truthy(string.find(signed, '"state":"pending"', 1, true))
    _, signed = run("sign", "--contract", "4714")
    assert.truthy(string.find(signed, '"state":"signed"', 1, true))
    assert.equal(1, (run("expire", "4714")))
    assert.equal(0, (run("plan", "free")))
    assert.equal(0, (run("downloads", "redirect")))
    assert.truthy(string.match(select(2, run("file", "add", "4711", "large.bin", "5")), "^%d+\n$"))
    assert.truthy(string.match(select(2, run("advance", "60")), "^%d%d%d%d%-%d%d%-%d%dT"))
    assert.equal(0, (run("user", "role", "sven@example.com", "101", "viewer")))
    run("token", "revoke", "reports")
    assert.equal("401", status())
    local errors
    code, _, errors = run("token", "revoke", "reports")
    assert.equal(1, code)
    assert.truthy(string.find(errors, "No token named reports.", 1, true))
    run("clear-journal")
    assert.equal("", select(2, run("journal")))
    description.control_key = "wrong"
    code, _, errors = run("journal")
    assert.equal(1, code)
    assert.truthy(string.find(errors, "x-sandbox-key", 1, true))
    child:kill()
    child:wait()
  end)

  it("writes an access log only when it is asked to, where it is asked to", function()
    local child = oneflow(folder, "sandbox", "--access-log", folder .. "/access.log")
    local description, port = ready(child)
    local url = description.base_url .. "/ping"
    process.spawn{ "curl", "-s", url }:wait()
    local token = "x-oneflow-api-token: " .. description.token
    process.spawn{ "curl", "-s", "-H", "x-oneflow-user-email;", "-H", token, url }:wait()
    child:kill()
    child:wait()
    local text = host.shell("cat " .. folder .. "/access.log")
    assert.truthy(string.find(text, '"GET /v1/ping HTTP/1.1" 401 %d+ user="%-" token=%-\n'))
    assert.truthy(string.find(text, '"GET /v1/ping HTTP/1.1" %d+ %d+ user="" token=' .. core.sha256(description.token)))
    assert.is_nil(string.find(text, description.token, 1, true))
    os.remove(folder .. "/access.log")
    assert_gone(folder, port)
  end)

  it("refuses half a command, an unknown sandbox and wrong options", function()
    for _, words in ipairs{ { "sandbox", "token" }, { "sandbox", "extension" }, { "sandbox", "--port", "x" },
                            { "sandbox", "--port", "65536" }, { "sandbox", "journal" },
                            { "sandbox", "journal", "--url", "http://127.0.0.1:1/v1", "--key", "x" },
                            { "sandbox", "journal", "--url", "http://example.com/v1", "--key", "x" },
                            { "sandbox", "--nginx", "/nowhere/nginx" }, { "sandbox", "--nginx", "/bin/false" },
                            { "fly" }, {} } do
      local code, _, output, errors = oneflow(folder, unpack(words)):wait()
      assert.is_true(code > 0, table.concat(words, " "))
      assert.equal("", output)
      assert.is_true(#errors > 0 and not string.find(errors, "traceback", 1, true), errors)
    end
    assert.same({}, entries(folder))
  end)

  it("says which command builds what is missing", function()
    local nginx = require "oneflow.sandbox.nginx"
    local path, missing = nginx.lua_paths(folder .. "/lua/?.lua", folder .. "/lua5.4/?.so", folder)
    -- An installed core is found wherever the sandbox's own files are.
    if path == nil then assert.truthy(string.find(missing, "make build LUA=luajit", 1, true)) end
  end)

  it("teaches: --help has examples, --version a version", function()
    local code, _, help = oneflow(folder, "sandbox", "--help"):wait()
    assert.equal(0, code)
    assert.truthy(string.find(help, "oneflow sandbox token generate reports", 1, true))
    for _, control in ipairs(require "oneflow.sandbox.controls") do
      for words in pairs(control.commands) do
        local command = {}
        for word in string.gmatch(words, "%S+") do command[#command + 1] = word end
        command[#command + 1] = "--help"
        local status, _, text = oneflow(folder, "sandbox", unpack(command)):wait()
        assert.equal(0, status)
        -- Folded to the terminal's width: the first words are enough.
        assert.truthy(string.find(text, string.match(control.help, "^%S+ %S+"), 1, true), words)
      end
    end
    local _, _, version = oneflow(folder, "--version"):wait()
    assert.equal("oneflow " .. require("oneflow")._VERSION .. "\n", version)
  end)
end)
