-- Two Lua states on two threads, calling at once, state after state, with a C callback for the token: every answer
-- belongs to its call, and the token is in no memory of Lua's. As it is, and watched by the sanitizers and by valgrind.
local cjson = require "cjson"
local host = require "spec.support.host"
local make = require "spec.support.make"
local process = require "spec.support.process"
local server = require "spec.support.server"
local wire = require "spec.support.wire"

-- script(client, thread, round): calls of all kinds as this thread's user -> how many
local SCRIPT = [[
local client, thread, round = ...
local email = "user" .. thread .. "@example.com"
local user = assert(client:user(email))
local calls = 0
for i = 1, CALLS do
  local id = thread * 1000000 + round * 10000 + i
  local contract, err
  if i % 5 == 0 then
    contract, err = user:contract(id):publish { subject = "s", message = ("m"):rep(i) }
  else
    contract, err = user:contract(id):get()
  end
  if i % 7 == 0 then -- the server refuses these
    assert(not contract and err.kind == "conflict" and err.acting_user == email, tostring(err))
    tostring(err)
  else
    assert(contract, err)
    assert(contract.id == id and contract.name == email, contract.name)
  end
  calls = calls + 1
  if i % 50 == 0 then collectgarbage() end
end
if round % 2 == 0 then client:close() end -- otherwise the end of the state closes it
return calls
]]

local ROUNDS = 4

local ASAN = "-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer"
local VARIANTS = {
  { name = "as it is", calls = 200 },
  { name = "under ThreadSanitizer", calls = 50, flavour = "tsan-", flags = "-fsanitize=thread" },
  { name = "under AddressSanitizer and UBSan", calls = 50, flavour = "sanitize-", flags = ASAN },
  { name = "under valgrind", calls = 10, needs = "valgrind", unsearched = true,
    wrap = { "valgrind", "--quiet", "--error-exitcode=99", "--leak-check=full", "--show-leak-kinds=definite",
      "--errors-for-leak-kinds=definite" } },
}

local SANITIZERS = { LD_PRELOAD = false, TSAN_OPTIONS = "exitcode=97:suppressions=" .. host.root
  .. "/spec/support/tsan.supp", ASAN_OPTIONS = "detect_leaks=1:exitcode=98",
  UBSAN_OPTIONS = "print_stacktrace=1:halt_on_error=1" }

local function build(variant)
  make("threads", variant.flavour and string.format("FLAVOUR=%s CFLAGS='-O1 -g' EXTRA='%s' "
    .. "HARDENING_WANTED=-Wl,-z,nodelete", variant.flavour, variant.flags))
  return string.format("%s/build/%s%s/threads", host.root, variant.flavour or "", host.lua)
end

-- Answers with the id and the user that it is asked with; it wants another token now and then, and refuses some.
local function answering()
  return server.start(function(s)
    local tokens = 0
    s.serve(function(c)
      for request in function() return c:request() end do
        local id = string.match(request.target, "/contracts/(%d+)")
        local token = request.headers["x-oneflow-api-token"]
        if id % 10000 == 25 and not string.find(token, "-%d+$") then
          tokens = tokens + 1
          c:reply(401, { "content-type: application/json" }, '{"title":"another token"}')
        elseif id % 10000 % 7 == 0 then
          c:reply(409, { "content-type: application/json" }, '{"title":"no"}')
        else
          c:reply(200, { "content-type: application/json" }, '{"id":' .. id .. ',"_private":{"name":"'
            .. request.headers["x-oneflow-user-email"] .. '"}}')
        end
      end
    end)
  end)
end

describe("threads:", function()
  after_each(wire.clean)

  it("case 58: threads fork at once, while calls are under way: parents and children get answers", function()
    local program = build {}
    local target = answering()
    local script = host.write(host.folder() .. "/script.lua", [[
      local client, thread = ...
      local oneflow = require "oneflow"
      local user, right = "user" .. thread .. "@example.com", 0
      local function read(id)
        return function()
          local contract = assert(client:contract(id):get { as = user })
          if contract.id == id and contract.name == user then right = right + 1 end
        end
      end
      local gatherer = oneflow.gatherer {}
      for i = 1, 100 do
        gatherer:add(read(thread * 1000000 + i * 7 + 1))
        assert(run_in_child(function()
          if i % 10 ~= 0 then return true end
          local before, own = right, oneflow.gatherer {}
          own:add(read(thread * 1000000 + 7000 + i * 7 + 1))
          own:wait()
          return right == before + 1
        end))
      end
      gatherer:wait()
      assert(right == 100)
      return right + 10
    ]])
    -- Two rounds: one thread's state ends, and with it the I/O thread may, while the other forks.
    local command = { program, target.url, wire.TOKEN, script, "2", "unsearched", env = { LD_PRELOAD = false } }
    local code, signal, output, errors = process.spawn(command):wait()
    assert.equal("0 0", code .. " " .. signal, output .. errors)
    assert.equal(440, cjson.decode(output).calls)
    assert.equal(440, #target:journal())
  end)

  for i = 1, 3 do
    local variant = VARIANTS[i]
    it("case 64: states close with requests on the wire, and other states continue: each is reported, " .. variant.name,
      function()
      local program, folder = build(variant), host.folder()
      local count = 2 * ROUNDS * 3
      -- Answers those of a state when those of the thread's next one have arrived, those of the last ones when told.
      local target = server.start(function(s, args)
        s.serve(function(c)
          for request in function() return c:request() end do
            local id = string.match(request.target, "/contracts/(%d+)")
            local thread, round = string.match(id, "(%d)0(%d)%d")
            io.open(args.folder .. "/" .. id, "w"):close()
            s.note("POST")
            s.note(thread .. round)
            if tonumber(round) == args.rounds then
              s.await "answer"
            else
              s.await_noted(thread .. string.format("%d", round + 1), 1)
            end
            c:reply(200, { "content-type: application/json" }, '{"id":' .. id .. ',"state":"pending"}')
          end
        end)
      end, { folder = folder, rounds = ROUNDS })
      local script = host.write(folder .. "/script.lua", string.gsub([[
        local client, thread, round = ...
        local first = thread * 1000 + round * 10
        local function post(id)
          local user = "user" .. thread .. "@example.com"
          return client:contract(id):publish({ subject = "s", message = "m" }, { as = user })
        end
        local function arrived(id)
          local file = io.open("FOLDER/" .. id)
          if file then file:close() end
          return file ~= nil
        end
        if rawget(_G, "jit") then rawget(_G, "jit").off() end
        debug.sethook(function()
          if arrived(first) then
            debug.sethook()
            error "interrupted"
          end
        end, "l")
        assert(not pcall(post, first))
        gatherer = require("oneflow").gatherer {}
        for id = first + 1, first + 2 do gatherer:add(function() return post(id) end) end
        repeat gatherer:poll(0.01) until arrived(first + 1) and arrived(first + 2)
        return 3
      ]], "FOLDER", folder))
      local child = process.spawn { program, target.url, wire.TOKEN, script, tostring(ROUNDS), "unsearched",
        env = SANITIZERS }
      target:wait("POST", count)
      process.wait_until(function() return string.find(child.errors, "the process ends") end, "the end of the process")
      target:tell "answer"
      local code, signal, _, errors = child:wait()
      assert.equal("0 0", code .. " " .. signal, errors)
      local told, exist = {}, {}
      for path, user, became in string.gmatch(errors, "oneflow: POST (%S+) as (%S+): ([^\n]*)\n") do
        if became == "nobody waited for the end of the call: answered, status 200"
          or became == "the answer came while the process ended: answered, status 200" then
          told[#told + 1] = path .. " " .. user
        end
      end
      for _, request in ipairs((target:journal())) do
        exist[#exist + 1] = request.target .. " " .. request.headers["x-oneflow-user-email"]
      end
      table.sort(told)
      table.sort(exist)
      assert.equal(count, #exist)
      assert.same(exist, told)
    end)
  end

  for _, variant in ipairs(VARIANTS) do
    it("two states on two threads call at once, " .. variant.name, function()
      if variant.needs and not pcall(host.shell, "command -v " .. variant.needs) then
        return pending(variant.needs .. " is not installed")
      end
      local program = build(variant)
      local target = answering()
      local script = host.write(host.folder() .. "/script.lua", (string.gsub(SCRIPT, "CALLS", variant.calls)))
      local command = {}
      for i, word in ipairs(variant.wrap or {}) do command[i] = word end
      for _, word in ipairs { program, target.url, wire.TOKEN, script, tostring(ROUNDS) } do
        command[#command + 1] = word
      end
      if variant.unsearched then command[#command + 1] = "unsearched" end
      command.env = SANITIZERS
      local child = process.spawn(command)
      local code, signal, output, errors = child:wait()
      assert.equal("0 0", code .. " " .. signal, output .. errors)
      local result = cjson.decode(output)
      local refused = variant.calls >= 25 and 2 * ROUNDS or 0
      assert.equal(2 * ROUNDS * variant.calls, result.calls)
      assert.equal(2 * ROUNDS, result.first, "once a client")
      assert.equal(refused, result.refused, "once a refusal")
      assert.equal(not variant.unsearched, result.blocks > 1000)
      assert.equal(0, result.leaks, "blocks of Lua's with the token in them")

      local journal = target:journal()
      assert.equal(result.calls + refused, #journal)
      local users = {}
      for _, request in ipairs(journal) do
        local user = request.headers["x-oneflow-user-email"]
        local thread = math.floor(tonumber(string.match(request.target, "/contracts/(%d+)")) / 1000000)
        assert.equal("user" .. thread .. "@example.com", user)
        assert.equal(user, users[request.connection] or user, "one state a connection")
        users[request.connection] = user
        assert.equal(1, (string.find(request.headers["x-oneflow-api-token"], wire.TOKEN, 1, true)))
      end
    end)
  end
end)
