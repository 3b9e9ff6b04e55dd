-- The I/O thread: its transfers end correctly whatever happens to the process, its engines and its Lua state.
local core = require "oneflow.core"
local engine_of = require "spec.support.engine"
local process = require "spec.support.process"
local server = require "spec.support.server"
local tls = require "spec.support.tls"
local wire = require "spec.support.wire"

-- Answers each contract with its id and the user who asked.
local function echoing(secure)
  local target = server.start(function(s, args)
    s.serve(function(c)
      if args.good and not c:tls(args.good) then return end
      for request in function() return c:request() end do
        if string.find(request.target, "/held", 1, true) then
          s.note(request.method)
          if request.method == "GET" then return c:until_closed() end
          s.await "answer"
        end
        local id = string.match(request.target, "/contracts/(%d+)") or "0"
        if not c:reply(200, { "content-type: application/json" }, '{"id":' .. id .. ',"name":"'
          .. request.headers["x-oneflow-user-email"] .. '"}') then return end
      end
    end)
  end, { good = secure and tls.certificates().good or nil })
  if secure then target.url = target.https end
  return target
end

local function engine_for(target, options)
  options = options or {}
  return assert(engine_of {
    base_url = target.url, token = wire.TOKEN, ca_file = tls.certificates().ca,
    concurrency = options.concurrency,
  })
end

local function submit(engine, queue, path, method)
  return engine:submit(nil, method or "GET", method ~= "POST", path or "/contracts/4711", wire.SVEN, 10, nil, nil, nil,
    false, queue)
end

-- Waits for the next request that is done.
local function next_done(queue)
  for _ = 1, 100 do
    local number = queue:next()
    if number then return number end
    queue:wait(0.25)
  end
  error "nothing is done"
end

describe("I/O thread:", function()
  after_each(wire.clean)

  -- In a process of its own, where nobody else has used the thread.
  local function alone(args)
    local native = require "oneflow.core"
    local host = require "spec.support.host"
    local task = "/proc/" .. string.format("%d", require("luv").os_getpid()) .. "/task"
    local function threads() return tonumber(host.shell("ls " .. task .. " | wc -l")) end
    local function switches() -- of the I/O thread: how often it went to sleep
      local total = 0
      for id in string.gmatch(host.shell("ls " .. task), "%d+") do
        if not string.find(task, "/" .. id .. "/", 1, true) then
          total = total + tonumber(string.match(host.read(task .. "/" .. id .. "/status"),
            "\nvoluntary_ctxt_switches:%s*(%d+)"))
        end
      end
      return total
    end
    local seen = { before = threads() }
    local queue, engines, handles = native.queue "threaded", {}, {}
    for i = 1, 500 do
      engines[i] = require("spec.support.engine") { base_url = args.url, token = args.token }
    end
    seen.idle_engines = threads()
    for i = 1, 500 do
      local handle, number = engines[i]:submit(nil, "GET", true, "/contracts/" .. i, "sven@example.com", 10, nil, nil,
        nil, false, queue)
      handles[number] = { handle = handle, i = i }
    end
    seen.under_way = threads()
    local right = 0
    while next(handles) do
      local number = queue:next()
      local entry = number and handles[number]
      if entry then
        handles[number] = nil
        local status, answer = engines[entry.i]:take(entry.handle)
        if status == 200 and answer == '{"id":' .. entry.i .. ',"name":"sven@example.com"}' then right = right + 1 end
      else
        queue:wait(0.25)
      end
    end
    seen.right = right
    queue:wait(0.1) -- what was under way settles
    local before = switches()
    for _ = 1, 2 do queue:wait(0.25) end -- far beyond the time between two looks
    seen.woken = switches() - before
    for i = 1, 500 do engines[i]:close() end
    seen.after = threads()
    return seen
  end

  it("starts with the first call, serves all engines, sleeps while nothing runs, and ends with the last of them #idle",
    function()
    local target = echoing()
    local seen = process.start(alone, { url = target.url, token = wire.TOKEN }):result()
    assert.same({ before = seen.before, idle_engines = seen.before, under_way = seen.before + 1, right = 500, woken = 0,
      after = seen.before }, seen)
  end)

  it("a wait for one request, a descriptor that is readable while one is done", function()
    local target = echoing()
    local queue, engine = core.queue "threaded", engine_for(target)
    local handle = submit(engine, queue)
    while not engine:wait(handle) do assert.is_false(engine:done(handle)) end
    assert.is_true(engine:done(handle))
    assert.is_number(queue:fd())
    assert.is_true(queue:wait(0))
    assert.is_number(queue:next())
    assert.is_false(queue:wait(0))
    assert.is_nil(queue:next())
    assert.equal(200, (engine:take(handle)))
    engine:close()
  end)

  it("a cancelled call ends at once when it may be repeated, and runs to its end when not", function()
    local target = echoing()
    local queue, engine = core.queue "threaded", engine_for(target)
    local get = submit(engine, queue, "/held")
    target:wait "GET"
    engine:cancel(get)
    next_done(queue)
    local status, answer = engine:take(get)
    assert.is_nil(status)
    assert.same({ "cancelled", true }, { answer.kind, answer.sent })
    local post = submit(engine, queue, "/held", "POST")
    target:wait "POST"
    engine:cancel(post)
    assert.is_false(queue:wait(0.1))
    target:tell "answer"
    next_done(queue)
    assert.equal(200, (engine:take(post)))
    engine:close()
  end)

  it("two thousand calls, forty at once, some cancelled or dropped on the way: each answer is its call's", function()
    local target = echoing()
    local queue = core.queue "threaded"
    local engines = { engine_for(target), engine_for(target) }
    local seed = os.time()
    math.randomseed(seed)
    local live, under_way, sent, ended = {}, 0, 0, { answered = 0, cancelled = 0, dropped = 0 }
    while ended.answered + ended.cancelled + ended.dropped < 2000 do
      while under_way < 40 and sent < 2000 do
        sent, under_way = sent + 1, under_way + 1
        local engine = engines[sent % 2 + 1]
        local handle, number = submit(engine, queue, "/contracts/" .. sent)
        live[number] = { engine = engine, handle = handle, id = sent }
        local dice = math.random(20)
        if dice == 1 then engine:cancel(handle) end
        if dice == 2 then
          live[number], under_way, ended.dropped = nil, under_way - 1, ended.dropped + 1
        end
      end
      if sent % 100 == 0 then collectgarbage "step" end
      local number = queue:next()
      if not number then queue:wait(0.01) end
      local entry = number and live[number]
      if entry then
        live[number], under_way = nil, under_way - 1
        local status, answer = entry.engine:take(entry.handle)
        if status then
          assert.equal('{"id":' .. entry.id .. ',"name":"' .. wire.SVEN .. '"}', answer, "seed " .. seed)
          ended.answered = ended.answered + 1
        else
          assert.equal("cancelled", answer.kind, "seed " .. seed)
          ended.cancelled = ended.cancelled + 1
        end
      end
    end
    assert.is_true(ended.answered > 1500)
    for _, engine in ipairs(engines) do engine:close() end
  end)

  it("close ends what runs, as cancelled; request handles, queue and engine are collected in any order", function()
    local target = echoing()
    for round = 1, 60 do
      local queue, engine = core.queue "threaded", engine_for(target)
      local kept = {}
      for i = 1, 8 do
        local path = i % 2 == 0 and "/held" or "/contracts/" .. i
        local handle = submit(engine, queue, path, i % 3 == 0 and "POST" or "GET")
        if (i + round) % 2 == 0 then kept[#kept + 1] = handle end
      end
      if round % 5 == 0 then queue = nil end
      if round % 3 == 0 then collectgarbage() end
      if round % 4 ~= 0 then engine:close() end
      if round % 4 ~= 0 then
        for _, handle in ipairs(kept) do assert.is_true(engine:done(handle)) end
      end
      if round % 2 == 0 then kept, engine = nil, nil end
      collectgarbage()
      collectgarbage()
      assert.is_truthy(kept or engine or queue or true)
    end
    target:tell "answer"
    local queue, engine = core.queue "threaded", engine_for(target)
    local handle = submit(engine, queue)
    next_done(queue)
    assert.equal(200, (engine:take(handle)))
    engine:close()
  end)

  it("more calls than may run wait for their turn; far more are refused, and nothing of these is sent", function()
    local target = echoing()
    local queue, engine = core.queue "threaded", engine_for(target, { concurrency = 1 })
    local held = submit(engine, queue, "/held", "POST")
    target:wait "POST"
    local refusal
    for _ = 1, 1001 do
      local handle, why = submit(engine, queue, "/contracts/1")
      if not handle then refusal = why break end
    end
    assert.equal("limit", refusal.kind)
    assert.is_false(refusal.sent)
    assert.is_truthy(string.find(refusal.message, "too many", 1, true))
    engine:cancel(held)
    engine:close()
    assert.equal(1, #target:journal())
  end)

  it("a call that waits too long for its turn is a time-out, not sent", function()
    local target = echoing()
    local queue, engine = core.queue "threaded", engine_for(target, { concurrency = 1 })
    submit(engine, queue, "/held", "POST")
    target:wait "POST"
    local handle = engine:submit(nil, "GET", true, "/contracts/1", wire.SVEN, 0.05, nil, nil, nil, false, queue)
    next_done(queue)
    local status, answer = engine:take(handle)
    assert.is_nil(status)
    assert.same({ "timeout", false }, { answer.kind, answer.sent })
    engine:close()
  end)

  -- A Lua process that forks children; each carries on with calls of its own, and ends in one of several ways,
  -- while transfers run in both. -> how many went wrong, and how
  local function storm(args)
    local posix = require("spec.support.host").posix()
    local native = require "oneflow.core"
    local options = { base_url = args.url, token = args.token, ca_file = args.ca }
    local queue, parents = native.queue "threaded", require("spec.support.engine")(options)
    local endings = { "exit", "close", "term", "_exit", "calls" }
    math.randomseed(args.seed)
    local handles, wrong, count = {}, {}, 0
    local function post(engine, into, id, user)
      local write = id % 2 == 1
      local handle, number = engine:submit(nil, write and "POST" or "GET", not write, "/contracts/" .. id, user, 10,
        nil, nil, nil, false, into)
      return handle, number
    end
    local function collect(into, list, engine, user, everything)
      while next(list) do
        local number = into:next()
        if not number then
          if not everything then return end
          into:wait(0.25)
        else
          local entry = list[number]
          list[number] = nil
          local status, answer = engine:take(entry.handle)
          if status ~= 200 or answer ~= '{"id":' .. entry.id .. ',"name":"' .. user .. '"}' then
            return tostring(status) .. " " .. (type(answer) == "table" and answer.message or answer)
          end
        end
      end
    end
    local function send(engine, into, list, from, number, user)
      for id = from, from + number - 1 do
        local handle, key = post(engine, into, id, user)
        if not handle then return key.message end
        list[key] = { handle = handle, id = id }
      end
    end
    for round = 1, args.rounds do
      local why = send(parents, queue, handles, round * 100, 4, "sven@example.com")
      local ending = endings[round % #endings + 1]
      local forked = posix.fork()
      if forked == 0 then
        posix.alarm(30)
        -- The parent's engine, set up again in here, or one of the child's own.
        local engine = round % 2 == 0 and parents or require("spec.support.engine")(options)
        local own, list = native.queue "threaded", {}
        local problem = send(engine, own, list, 1, 6, "anna@example.com")
        for _ = 1, math.random(0, 3) do own:wait(0.001) end
        if ending == "calls" then
          problem = problem or collect(own, list, engine, "anna@example.com", true)
        end
        if problem then
          io.stderr:write(problem, "\n")
          posix.exit(3)
        end
        if ending == "term" then posix.kill(posix.getpid(), 15) end
        if ending == "_exit" then posix.exit(0) end
        os.exit(0, ending == "close")
      end
      why = why or collect(queue, handles, parents, "sven@example.com", false)
      local how, code = posix.wait(forked)
      local expected = ending == "term" and "signaled 15" or "exited 0"
      if how .. " " .. code ~= expected then why = why or ending .. ": " .. how .. " " .. code end
      if why then
        wrong[#wrong + 1] = why
        if #wrong > 5 then break end
      end
      count = count + 1
    end
    wrong[#wrong + 1] = collect(queue, handles, parents, "sven@example.com", true)
    return { rounds = count, wrong = table.concat(wrong, "; ") }
  end

  for _, secure in ipairs { false, true } do
    it("cases 41 and 50: fork at any moment, exit, os.exit, SIGTERM and lua_close with transfers on the wire, "
      .. (secure and "TLS" or "HTTP") .. ": right answers, no crash, no hang #fork", function()
      local target = echoing(secure)
      local rounds = math.floor(500 / wire.slow / (wire.slow > 1 and 10 or 1))
      local seed = os.time()
      local result = process.start(storm, {
        url = target.url, ca = tls.certificates().ca, token = wire.TOKEN, rounds = rounds, seed = seed,
      }):result()
      assert.same({ rounds = rounds, wrong = "" }, result, "seed " .. seed)
    end)
  end
end)
