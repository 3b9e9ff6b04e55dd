-- The C program of examples/host, built as the README says: it runs scripts that it does not trust, in two processes,
-- against the sandbox, and goes on whatever they do.
local testing = require "oneflow.testing"
local escapes = require "spec.support.escapes"
local host = require "spec.support.host"
local make = require "spec.support.make"
local process = require "spec.support.process"
local server = require "spec.support.server"
local wire = require "spec.support.wire"

local SVEN = "sven@example.com"

-- Scripts are { name, text }; those at odd places are the first state's.
local function start(base_url, token_file, scripts, env)
  local folder = host.folder()
  local command = { host.build .. "/host", base_url, token_file, SVEN, cwd = "/", env = env }
  for _, script in ipairs(scripts) do command[#command + 1] = host.write(folder .. "/" .. script[1], script[2]) end
  return process.spawn(command)
end

-- What each script printed, by its name, and what became of it. `before`: the output that was read already.
local function finish(child, scripts, before)
  local code, signal, output, errors = child:wait()
  output = (before or "") .. output
  local result = { output = output .. errors, code = code, signal = signal, lines = {}, ended = {}, states = {} }
  for _, script in ipairs(scripts) do result.lines[script[1]] = {} end
  for line in string.gmatch(output, "[^\n]+") do
    local name, text = string.match(line, "^([%w_.]+)| (.*)$")
    if name then table.insert(result.lines[name], text) end
    name, text = string.match(line, "^([%w_.]+%.lua): (.*)$")
    if name then result.ended[name] = text end
    local number, ended, peak, limit, left, ticks, waiting = string.match(line, "^state (%d): (.-), "
      .. "(%d+) bytes at most of (%d+), (%d+) left, (%d+) ticks, (%d+) of them while a script waited$")
    if number then
      result.states[tonumber(number)] = { ended = ended, peak = tonumber(peak), limit = tonumber(limit),
        left = tonumber(left), ticks = tonumber(ticks), waiting = tonumber(waiting) }
    end
  end
  return result
end

local function run(base_url, token_file, scripts, env)
  return finish(start(base_url, token_file, scripts, env), scripts)
end

-- It ended normally: no crash, both states, the limit kept, no processes or files left.
local function went_on(result)
  assert.equal(0, result.signal, result.output)
  assert.equal(0, result.code, result.output)
  assert.equal(2, #result.states, result.output)
  for _, state in ipairs(result.states) do
    assert.equal("went on to the end", state.ended)
    assert.is_true(state.peak <= state.limit, state.peak .. " bytes")
    -- LuaJIT itself gives 8 bytes less back than it took, after memory was refused
    assert.is_true(state.left <= (host.lua == "luajit" and 64 or 0), state.left .. " bytes left")
  end
end

local function token_file(token)
  local path = host.write(host.folder() .. "/token", token .. "\n")
  host.shell("chmod 600 " .. path)
  return path
end

local GOOD = [[
local contract, err = user:contract(4712):get()
print(contract and contract.id or tostring(err))
]]
local BUSY = "for _ = 1, 1e6 do end\n" -- a part of what one script may do, but no small one

describe("C host:", function()
  local box, other
  setup(function()
    make "host"
    box = testing.server {}
    other = wire.healthy()
  end)
  teardown(function()
    box:stop()
    wire.clean()
  end)
  before_each(function()
    box:reset()
    box:clear_journal()
  end)

  it("two states in two processes run scripts; each acts as Sven, and nothing is loaded from a file", function()
    local scripts = {}
    for i = 1, 8 do scripts[i] = { "good_" .. i .. ".lua", GOOD .. "print(tostring(user))" } end
    local result = run(box.base_url, token_file(box.token), scripts)
    went_on(result)
    for i = 1, 8 do
      local name = scripts[i][1]
      assert.same({ "4712", "oneflow user " .. SVEN }, result.lines[name], result.output)
      assert.equal("ok", result.ended[name])
    end
    local journal = box:journal()
    assert.equal(8, #journal)
    for _, entry in ipairs(journal) do assert.equal(SVEN, entry.user_email) end
  end)

  it("while a script waits for a late answer, its loop goes on and the other state's scripts run", function()
    local target = server.start(function(s)
      s.serve(function(c)
        for request in function() return c:request() end do
          if string.find(request.target, "/contracts/1$") then
            s.note "asked"
            s.await "answer"
            require("cqueues").sleep(0.1) -- some ticks of the host's clock
          end
          c:good(request)
        end
      end)
    end)
    local late = "print(user:contract(1):get().id) print(user:contract(4712):get().id)"
    local scripts = { { "late_1.lua", late }, { "good_1.lua", GOOD }, { "late_2.lua", late }, { "good_2.lua", GOOD } }
    local child, seen = start(target.url, token_file(wire.TOKEN), scripts), {}
    target:wait "asked"
    repeat seen[#seen + 1] = assert(child:line()) until seen[#seen] == "good_2.lua: ok"
    assert.same({ "good_1.lua| 4712", "good_1.lua: ok", "good_2.lua| 4712", "good_2.lua: ok" }, seen)
    target:tell "answer"
    local result = finish(child, scripts, table.concat(seen, "\n") .. "\n")
    went_on(result)
    for i = 1, 2 do
      assert.same({ "1", "4712" }, result.lines["late_" .. i .. ".lua"], result.output)
      assert.equal("ok", result.ended["late_" .. i .. ".lua"])
    end
    assert.is_true(result.states[1].waiting > 0, result.output)
    assert.is_nil(string.find(result.output, "late_2.*late_1"), "one after the other")
    target:stop()
  end)

  it("no attempt of the list escapes from the user", function()
    local scripts, named = {}, {}
    for i, script in ipairs(escapes.scripts(other.url)) do
      scripts[i] = { string.format("escape_%02d.lua", i), script.text }
      named[i] = script.name
    end
    local result = run(box.base_url, token_file(box.token), scripts)
    went_on(result)
    for i, script in ipairs(scripts) do
      local lines, ended = result.lines[script[1]], result.ended[script[1]]
      if named[i] == "yielding out of the script" then -- which ends it
        assert.same({}, lines)
        assert.is_truthy(string.find(ended, "error: oneflow: the task yielded by itself", 1, true), ended)
      else
        assert.is_nil(escapes.problem(lines, box.token), named[i])
        assert.equal("ok", ended, named[i])
      end
    end
    assert.is_nil(string.find(result.output, box.token, 1, true))
    local journal = box:journal()
    assert.is_true(#journal > #scripts / 2)
    for _, entry in ipairs(journal) do assert.equal(SVEN, entry.user_email, entry.method .. " " .. entry.path) end
    local _, accepted = other:journal()
    assert.equal(0, accepted, "connections to the other origin")
  end)

  local MEMORY, TIME = "stopped, not enough memory", "stopped, ran for too long"
  local EITHER = "stopped, " -- LuaJIT does not collect garbage before it gives up
  for name, case in pairs {
    ["tables without end"] = { MEMORY, "local t = {} while true do t[#t + 1] = { #t } end" },
    ["strings without end"] = { MEMORY, "local t = {} while true do t[#t + 1] = ('x'):rep(1000) .. #t end" },
    ["one long string"] = { EITHER, "local _, e = pcall(function() return ('x'):rep(1000):rep(1000):rep(1000) end) "
      .. "local t = {} while e:find 'not enough memory' do t[#t + 1] = {} end" },
    ["coroutines without end"] = { MEMORY, "local t = {} while true do t[#t + 1] = coroutine.create(print) end" },
    ["handles without end"] = { MEMORY, "local t = {} while true do t[#t + 1] = user:contract(#t + 1) end" },
    ["allocation that catches its error"] = { EITHER, "while true do pcall(function() local t = {} "
      .. "while true do t[#t + 1] = ('x'):rep(100000) .. #t end end) end" },
    ["a loop"] = { TIME, "while true do end" },
    ["a loop that catches the error"] = { TIME, "while true do pcall(function() while true do end end) end" },
    ["a loop in coroutines in coroutines"] = { TIME,
      "local function f() while true do pcall(coroutine.wrap(f)) end end f()" },
    ["a loop in the library's callbacks"] = { TIME,
      "table.sort({ 3, 2, 1 }, function() while true do pcall(user.contract, user, 1) end end)" },
    ["a loop in an error handler"] = { TIME,
      "while true do xpcall(error, function() while true do end end) end" },
    ["a loop after an answer"] = { TIME, "user:contract(4712):get() while true do end" },
    ["a loop that catches the error, after an answer"] = { TIME,
      "while true do pcall(function() user:contract(4712):get() while true do end end) end" },
    ["loops between answers"] = { TIME, "while true do user:contract(4712):get() " .. BUSY .. " end" },
    ["a loop in coroutines, after an answer"] = { TIME, "user:contract(4712):get() "
      .. "while true do coroutine.wrap(function() for _ = 1, 1e5 do end end)() end" },
    ["a loop in a walk, with a page ahead"] = { TIME,
      "for _ in user.contracts:each({}, { page_size = 1, prefetch = true }) do while true do end end" },
    ["a walk left with a page ahead"] = { "ok",
      "for _ in user.contracts:each({}, { page_size = 1, prefetch = true }) do break end" },
    ["tables without end, after an answer"] = { MEMORY, "user:contract(4712):get() "
      .. "local t = {} while true do t[#t + 1] = { #t } end" },
    ["answers kept without end"] = { MEMORY, "local t = {} while true do local kept = user:contract(4712):get() "
      .. "for _ = 1, 1000 do t[#t + 1] = { kept } end end" },
    ["a yield of its own"] = { "error: oneflow: the task yielded by itself", "coroutine.yield(user)" },
    ["an error object whose fields were changed"] = { "error: an error of oneflow, whose fields were changed",
      "local _, err = user:contract(0):get() err.operation = nil err.kind = {} error(err)" },
    ["an error object with a loop in it"] = { "error: an error of oneflow, whose fields were changed",
      "local _, err = user:contract(0):get() err.problems[1] = err.problems error(err)" },
    ["a table as error"] = { "error: (a table)", "error({})" },
    ["a syntax error"] = { "error: ", "this is no Lua" },
    ["precompiled code"] = { "error: ", string.dump(function() return 1 end) },
  } do
    it("goes on after " .. name, function()
      local expected = case[1]
      if host.lua == "luajit" and name == "a loop in coroutines in coroutines" then
        expected = EITHER -- coroutines that resume each other without end crash LuaJIT itself
      end
      local scripts = {}
      for i = 1, 2 do -- one each state
        scripts[i], scripts[i + 2] = { "bad_" .. i .. ".lua", case[2] }, { "good_" .. i .. ".lua", GOOD .. BUSY }
      end
      local quick = case[1] == TIME and { HOST_SECONDS = "0.2" } or nil
      local result = run(box.base_url, token_file(box.token), scripts, quick)
      went_on(result)
      for i = 1, 2 do
        local ended = result.ended["bad_" .. i .. ".lua"]
        assert.equal(expected, string.sub(ended or "", 1, #expected), result.output)
      end
      for i = 1, 2 do
        assert.equal("4712", result.lines["good_" .. i .. ".lua"][1], result.output)
        assert.equal("ok", result.ended["good_" .. i .. ".lua"], result.output)
      end
    end)
  end

  it("goes on after what no hook can end, with the scripts that are left", function()
    local bad = {
      move = "table.move({}, 1, 1e15, 2)",
      pattern = "local s = ('a'):rep(30000) s:find(('.-'):rep(40) .. 'b')",
      gsub = "(('a'):rep(30)):rep(1000):gsub(('a-'):rep(40) .. 'b', '')",
      handler = "xpcall(error, function() local s = ('a'):rep(30000) s:find(('.-'):rep(40) .. 'b') end)",
      coroutine = "coroutine.wrap(function() local s = ('a'):rep(30000) s:find(('.-'):rep(40) .. 'b') end)()",
      answered = "user:contract(4712):get() local s = ('a'):rep(30000) s:find(('.-'):rep(40) .. 'b')",
    }
    if host.lua ~= "luajit" then bad.rep = "(''):rep(1e15)" end
    local scripts, names = {}, {}
    for name in pairs(bad) do names[#names + 1] = name end
    table.sort(names)
    for _, name in ipairs(names) do
      scripts[#scripts + 1] = { name .. ".lua", "print 'begun'; " .. bad[name] }
      scripts[#scripts + 1] = { "while_" .. name .. ".lua", GOOD } -- the other state's
      scripts[#scripts + 1] = { "after_" .. name .. ".lua", GOOD }
      scripts[#scripts + 1] = { "then_" .. name .. ".lua", GOOD }
    end
    local result = run(box.base_url, token_file(box.token), scripts, { HOST_SECONDS = "0.1" })
    went_on(result)
    for _, script in ipairs(scripts) do
      local name, good = script[1], script[2] == GOOD
      assert.equal(good and "ok" or TIME, result.ended[name], result.output)
      assert.same({ good and "4712" or "begun" }, result.lines[name], result.output)
    end
    for _, entry in ipairs(box:journal()) do assert.equal(SVEN, entry.user_email) end
  end)

  it("goes on after recursion through C functions, which can crash LuaJIT", function()
    local scripts = {
      { "gsub.lua", "local function f(s) return (s:gsub('.', function() return f(s) end)) end f 'x'" },
      { "good_1.lua", GOOD },
      { "wrap.lua", "local function f() return coroutine.wrap(f)() end f()" }, { "good_2.lua", GOOD },
      { "sort.lua", "local function f() table.sort({ 2, 1 }, f) end f()" }, { "good_3.lua", GOOD },
      { "good_4.lua", GOOD },
    }
    local result = run(box.base_url, token_file(box.token), scripts)
    went_on(result)
    for _, script in ipairs(scripts) do
      local ended = result.ended[script[1]] or "nothing"
      if script[2] == GOOD then
        assert.equal("ok", ended, result.output)
      elseif host.lua == "luajit" then
        assert.is_truthy(string.find(ended, "^error: ") or string.find(ended, "^stopped, "), result.output)
      else
        assert.is_truthy(string.find(ended, "^error: "), result.output)
      end
    end
  end)

  it("memory that runs out at each place of a call leaves client and user as they were", function()
    local sweep = [[
      local hold, fine, value, err
      local body = { body = { a = 1 }, headers = { ["x-n"] = "1" } }
      local function fill() while true do hold = { hold } end end
      local function get() return user:contract(4712):get() end
      local function post() return user:request("POST", "/nowhere", body) end
      local function turn(i)
        pcall(fill)
        for _ = 1, i % 500 * 2 do hold = hold and hold[1] end
        fine, value, err = pcall(i < 500 and get or post)
      end
      local good, bad = 0, 0
      for i = FROM, FROM + 99 do
        fine, value, err = false, "not enough memory", nil
        pcall(turn, i)
        hold = nil
        if fine and (value or err.status == 404) then good = good + 1 else bad = bad + 1 end
        if not fine and not value:find "not enough memory" and not value:find "stack overflow" then print(value) end
      end
      print(good, bad)
    ]]
    local scripts = {}
    for i = 1, 10 do scripts[i] = { "bad_" .. i .. ".lua", (string.gsub(sweep, "FROM", (i - 1) * 100)) } end
    for i = 11, 12 do scripts[i] = { "good_" .. i .. ".lua", GOOD } end
    local result = run(box.base_url, token_file(box.token), scripts, { HOST_MEMORY = "1500000" })
    went_on(result)
    local good, bad = 0, 0
    for i = 1, host.lua ~= "luajit" and 10 or 0 do -- LuaJIT does not collect in time: its scripts just end
      local lines = result.lines["bad_" .. i .. ".lua"]
      assert.equal(1, #lines, result.output)
      local fine, failed = string.match(lines[1], "^(%d+)\t(%d+)$")
      good, bad = good + fine, bad + failed
    end
    if host.lua ~= "luajit" then assert.is_true(good > 50 and bad > 50, good .. " good, " .. bad .. " bad") end
    for i = 11, 12 do assert.same({ "4712" }, result.lines["good_" .. i .. ".lua"], result.output) end
    for _, entry in ipairs(box:journal()) do assert.equal(SVEN, entry.user_email) end
  end)

  it("the token's callback is asked again after a 401; the token appears in no output", function()
    local old, new = wire.TOKEN .. "-old", wire.TOKEN .. "-new"
    local path = token_file(old)
    local target = server.start(function(s, args)
      s.serve(function(c)
        for request in function() return c:request() end do
          if request.headers["x-oneflow-api-token"] == args.new then
            c:good(request)
          else
            local file = assert(io.open(args.path, "w"))
            file:write(args.new, "\n")
            file:close()
            c:reply(401, { "content-type: application/json" }, '{"title":"old"}')
          end
        end
      end)
    end, { new = new, path = path })
    local result = run(target.url, path, { { "one.lua", GOOD .. GOOD } })
    went_on(result)
    assert.same({ "4712", "4712" }, result.lines["one.lua"], result.output)
    local tokens = {}
    for i, request in ipairs((target:journal())) do tokens[i] = request.headers["x-oneflow-api-token"] end
    assert.same({ old, new, new }, tokens)
    assert.is_nil(string.find(result.output, "canary", 1, true))
    target:stop()
  end)

  it("the same token again means no second try; none, or one that is none, sends nothing", function()
    local target = server.start(function(s)
      s.serve(function(c)
        for _ in function() return c:request() end do
          c:reply(401, { "content-type: application/json" }, '{"title":"no"}')
        end
      end)
    end)
    local result = run(target.url, token_file(wire.TOKEN), { { "one.lua", GOOD } })
    went_on(result)
    assert.is_truthy(string.find(result.lines["one.lua"][1], "authentication (401), refused", 1, true), result.output)
    assert.equal(1, #target:journal())
    for text, message in pairs { [""] = "was not given by the host", [string.rep("x", 300)] = "longer than 255 bytes",
                                 ["a b"] = "blank" } do
      result = run(target.url, token_file(text), { { "one.lua", GOOD } })
      went_on(result)
      local line = result.lines["one.lua"][1]
      assert.is_truthy(string.find(line, "validation, not_sent", 1, true), line)
      assert.is_truthy(string.find(line, message, 1, true), line)
    end
    assert.equal(1, #target:journal())
    target:stop()
  end)

  it("a state that cannot be set up says why, and the program ends", function()
    local result = run("http://example.com", "/none", { { "one.lua", GOOD } })
    assert.equal(1, result.code)
    assert.equal(0, result.signal)
    assert.is_truthy(string.find(result.output, "base_url", 1, true), result.output)
  end)
end)
