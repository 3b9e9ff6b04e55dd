-- Many calls at once, over real sockets.
local oneflow = require "oneflow"
local gather = require "oneflow.gather"
local testing = require "oneflow.testing"
local process = require "spec.support.process"
local server = require "spec.support.server"
local wire = require "spec.support.wire"

-- Nobody is answered before args.together requests have arrived; the answer tells the user.
local function start(together)
  return server.start(function(s, args)
    s.serve(function(c)
      for request in function() return c:request() end do
        s.note "arrived"
        s.await_noted("arrived", args.together)
        local id = string.match(request.target, "/contracts/(%d+)") or "1"
        c:reply(200, { "content-type: application/json" }, string.format('{"id":%s,"name":"%s"}', id,
          request.headers["x-oneflow-user-email"] or "nobody"))
      end
    end)
  end, { together = together or 1 })
end

local function client_of(target, options)
  local settings = { timeout = 10, attempt_timeout = 10 }
  for name, value in pairs(options or {}) do settings[name] = value end
  local client = wire.client(target, settings)
  return assert(client:user(wire.SVEN)), client
end

local function numbers(n)
  local list = {}
  for i = 1, n do list[i] = i end
  return list
end

describe("gather:", function()
  after_each(wire.clean)

  it("calls are under way together, and results come in order", function()
    local target = start(8)
    local sven = client_of(target)
    local functions = {}
    for i = 1, 8 do functions[i] = function() return sven:contract(i):get() end end
    local results, failures = oneflow.gather(functions)
    assert.equal(8, results.n)
    for i = 1, 8 do assert.equal(i, results[i].id) end
    assert.same({}, failures)
    assert.same({}, (oneflow.gather {})[1] or {})
  end)

  it("what one function fails with does not touch the others", function()
    local target = start()
    local sven, client = client_of(target)
    local oops = {}
    local functions = {
      function() return sven:contract(1):get() end,
      function() return nil, "no luck" end,
      function() return false, "no luck either" end,
      function() error("raised", 0) end,
      function() error(oops) end,
      function()
        local contract = client:contract(6):get() -- nobody acts
        return contract
      end,
      function() return sven:contract "no id":get() end,
      function() return false end,
      function() end,
      function() return sven:contract(10):get() end,
    }
    local results, failures = oneflow.gather(functions)
    assert.equal(10, results.n)
    assert.equal(1, results[1].id)
    assert.equal(10, results[10].id)
    assert.is_false(results[8])
    local by_index = {}
    for _, failure in ipairs(failures) do
      by_index[failure.index] = failure
      assert.equal(functions[failure.index], failure.item)
      assert.is_nil(results[failure.index])
    end
    assert.equal(6, #failures)
    assert.equal("no luck", by_index[2].err)
    assert.equal("no luck either", by_index[3].err)
    assert.equal("raised", by_index[4].err)
    assert.is_truthy(string.find(by_index[4].traceback, "gather_spec", 1, true))
    assert.is_nil(by_index[2].traceback)
    assert.equal(oops, by_index[5].err)
    assert.is_truthy(string.find(by_index[6].err, "gather_spec.lua:%d+: oneflow: contract.get: no acting user"),
      by_index[6].err)
    assert.equal("validation", by_index[7].err.kind)
  end)

  it("map gives item and index, keeps to its concurrency and to the client's", function()
    local target = server.start(function(s)
      local now, most = 0, 0
      s.serve(function(c)
        for request in function() return c:request() end do
          now = now + 1
          most = math.max(most, now)
          require("cqueues").sleep(0.005)
          now = now - 1
          local id = string.match(request.target, "/contracts/(%d+)")
          c:reply(200, { "content-type: application/json" }, string.format('{"id":%s,"name":"%d"}', id, most))
        end
      end)
    end)
    local function most(options, concurrency)
      local sven = client_of(target, options)
      local highest = 0
      local results, failures = oneflow.map(numbers(30), function(id, index)
        assert(id == index)
        local contract = assert(sven:contract(id):get())
        highest = math.max(highest, tonumber(contract.data.name))
        return contract.id
      end, { concurrency = concurrency })
      assert.equal(0, #failures)
      assert.equal(30, results.n)
      assert.same(numbers(30), { (table.unpack or unpack)(results, 1, 30) })
      return highest
    end
    assert.equal(1, most({}, 1))
    assert.equal(3, most({}, 3))
    assert.equal(5, most({ concurrency = 5 }, 20))
  end)

  it("options and arguments are checked", function()
    for pattern, call in pairs {
      ["unknown option \"concurency\"; did you mean"] = function() oneflow.gather { concurency = 1 } end,
      ["%[2%]: function expected, got table"] = function() oneflow.gather { print, {} } end,
      ["list of functions expected"] = function() oneflow.gather(print) end,
      ["a function expected, got nil"] = function() oneflow.map {} end,
      ["a list or an iterator expected, got nil"] = function() oneflow.map(nil, print) end,
      ["concurrency: integer from 1 to 1000"] = function() oneflow.map({}, print, { concurrency = 0 }) end,
      ["stop: boolean"] = function() oneflow.map({}, print, { stop = 1 }) end,
      ["progress: function"] = function() oneflow.map({}, print, { progress = 1 }) end,
      ["unknown option \"stop\""] = function() oneflow.gatherer { stop = true } end,
      ["add: a function expected"] = function() oneflow.gatherer():add() end,
      ["call with a colon"] = function() oneflow.gatherer().add(print) end,
      ["a handle returned by add expected"] = function() oneflow.gatherer():cancel {} end,
    } do
      local good, message = pcall(call)
      assert.is_false(good)
      assert.is_truthy(string.find(message, "gather_spec", 1, true), message)
      assert.is_truthy(string.find(message, pattern), message)
    end
  end)

  it("an iterator is asked for no more than can begin; what it raises passes on when all has ended", function()
    local target = start()
    local sven = client_of(target)
    local pulled, ended = 0, 0
    local function iterator()
      assert(pulled - ended < 4, "asked for too early")
      if pulled == 20 then return nil end
      pulled = pulled + 1
      return pulled
    end
    local results = oneflow.map(iterator, function(id)
      local contract = assert(sven:contract(id):get())
      ended = ended + 1
      return contract.id
    end, { concurrency = 4 })
    assert.equal(20, results.n)
    assert.equal(20, results[20])

    local oops, under_way = {}, 0
    pulled = 0
    local good, raised = pcall(oneflow.map, function()
      pulled = pulled + 1
      if pulled == 3 then error(oops) end
      return pulled
    end, function(id)
      under_way = under_way + 1
      local contract = sven:contract(id):get()
      under_way = under_way - 1
      return contract
    end)
    assert.is_false(good)
    assert.equal(oops, raised.reason)
    assert.equal(0, under_way)
    wire.good_call((select(2, client_of(wire.healthy()))))
  end)

  -- Workers that did not begin yet must keep out when another is in there, waiting.
  it("an iterator that waits is asked by one at a time, also while items that need no call are done", function()
    local sven = client_of(start())
    local page, at, from, inside, most = {}, 0, 0, 0, 0
    local function pager()
      inside = inside + 1
      most = math.max(most, inside)
      if at == #page and from < 9 then
        assert(sven:contract(1):get())
        page, at, from = { from + 1, from + 2, from + 3 }, 0, from + 3
      end
      at, inside = at + 1, inside - 1
      return page[at]
    end
    local seen = {}
    local results, failures = oneflow.map(pager, function(i)
      seen[#seen + 1] = i
      if i > 3 then assert(sven:contract(i):get()) end
      return i
    end, { concurrency = 4 })
    assert.same({}, failures)
    table.sort(seen)
    assert.same(numbers(9), seen)
    for i = 1, 9 do assert.equal(i, results[i]) end
    assert.equal(9, results.n)
    assert.equal(1, most)
  end)

  it("a progress function that yields by itself stops the gather, and makes no failure of what succeeded", function()
    local done = 0
    local good, what = pcall(oneflow.map, numbers(3), function()
      done = done + 1
      return done
    end, { concurrency = 1, progress = function(count) if count == 2 then coroutine.yield() end end })
    assert.is_false(good)
    assert.is_truthy(string.find(what.reason, "yielded by itself", 1, true))
    assert.equal(2, done)
  end)

  it("when a function cannot begin, that passes on once all has ended, with the results so far", function()
    local child = process.start(function(args)
      local create, count = coroutine.create, 0
      coroutine.create = function(fn) -- luacheck: ignore
        count = count + 1
        if count == 3 then error("not enough memory", 0) end
        return create(fn)
      end
      local begun = 0
      local good, what = pcall(require("oneflow").map, args.items, function(i)
        begun = begun + 1
        return i
      end)
      return {
        good = good, what = tostring(what), begun = begun, results = { what.results[1], what.results[2] },
        n = what.results.n, failures = #what.failures,
      }
    end, { items = numbers(4) })
    assert.same({
      good = false, what = "not enough memory", begun = 2, results = { 1, 2 }, n = 2, failures = 0,
    }, child:result())
  end)

  it("progress is called after each item, with the total of a list", function()
    local told = {}
    local function progress(done, total) told[#told + 1] = done .. "/" .. tostring(total) end
    oneflow.map(numbers(3), function() end, { progress = progress })
    local at = 0
    oneflow.map(function()
      at = at + 1
      return at <= 2 and at or nil
    end, function() return nil, "failed" end, { progress = progress })
    assert.same({ "1/3", "2/3", "3/3", "1/nil", "2/nil" }, told)
  end)

  -- POST 1 is on the wire, GET 2 too, and 4 waits for its turn, when something happens at 3. The POST is answered only
  -- after the GET was given up.
  local function stoppable()
    return server.start(function(s)
      s.serve(function(c)
        for request in function() return c:request() end do
          local id = string.match(request.target, "/contracts/(%d+)")
          s.note("at " .. id)
          if id == "1" then
            s.await_noted("closed", 1)
            c:reply(200, { "content-type: application/json" }, '{"id":1}')
          elseif id == "2" then
            return c:until_closed()
          else
            s.await_noted("at 1", 1)
            s.await_noted("at 2", 1)
            c:reply(404, { "content-type: application/json" }, '{"title":"None"}')
          end
        end
      end)
    end)
  end

  local function stopping(at_three, options)
    local target = stoppable()
    local sven = client_of(target, { concurrency = 3 })
    local seen = {}
    local function run()
      return oneflow.map(numbers(9), function(id)
        local contract, err
        if id == 2 or id == 3 then
          contract, err = sven:contract(id):get()
        else
          contract, err = sven:contract(id):publish {}
        end
        seen[id] = err or "published"
        if id == 1 then
          local more, why = sven:contract(5):get()
          assert(more == nil)
          return why
        elseif id == 3 then
          at_three(sven)
        end
        return contract, err
      end, { concurrency = 4, stop = options.stop, progress = options.progress })
    end
    return target, seen, run
  end

  local function check_stopped(target, seen)
    assert.equal("published", seen[1])
    assert.equal("cancelled", seen[2].kind)
    assert.equal("unknown", seen[2].outcome)
    assert.equal("not_found", seen[3].kind)
    assert.equal("cancelled", seen[4].kind)
    assert.equal("not_sent", seen[4].outcome)
    assert.is_nil(seen[5])
    local journal = target:journal()
    assert.equal(3, #journal)
  end

  it("stop: what is not sent or may be repeated is cancelled; a POST on the wire runs to its end", function()
    local target, seen, run = stopping(function() end, { stop = true })
    local results, failures = run()
    check_stopped(target, seen)
    assert.equal(4, results.n)
    assert.equal("cancelled", results[1].kind) -- of its further call
    assert.equal("not_sent", results[1].outcome)
    assert.equal(0, results[1].attempts - 1)
    assert.equal(3, failures[1].index)
    assert.equal("not_found", failures[1].err.kind)
    assert.equal(3, #failures)
  end)

  it("stop: a raise of progress does the same, and passes on when all has ended", function()
    local oops = {}
    local target, seen, run = stopping(function() end, { progress = function() error(oops) end })
    local good, raised = pcall(run)
    assert.is_false(good)
    assert.equal(oops, raised.reason)
    check_stopped(target, seen)
  end)

  it("stop: so does a raise in the middle of the loop, as of a Ctrl-C", function()
    local main, is_main = coroutine.running()
    assert(main == nil or is_main ~= false)
    if jit then jit.off() jit.flush() end -- what is compiled knows no hooks
    finally(function() if jit then jit.on() end end)
    local target, seen, run = stopping(function(sven)
      local fired = false
      local function hook()
        local now = coroutine.running()
        if not fired and now == main then
          fired = true
          debug.sethook()
          if main then debug.sethook(main) end
          error("interrupted!", 0)
        end
      end
      if main then debug.sethook(main, hook, "", 1) else debug.sethook(hook, "", 1) end
      assert.equal("cancelled", select(2, sven:contract(5):get()).kind) -- and the loop goes on
    end, {})
    local good, raised = pcall(run)
    debug.sethook()
    assert.is_false(good)
    assert.equal("interrupted!", raised.reason)
    check_stopped(target, seen)
  end)

  it("after a stop no item is begun, and none is taken", function()
    local begun, taken = 0, 0
    local results, failures = oneflow.map(function()
      taken = taken + 1
      return taken
    end, function()
      begun = begun + 1
      return nil, "no"
    end, { stop = true, concurrency = 3 })
    assert.equal(1, begun)
    assert.equal(1, taken)
    assert.equal(1, results.n)
    assert.same({ { index = 1, item = 1, err = "no" } }, failures)
  end)

  it("nested: tasks of tasks are under way together, and a stop reaches down", function()
    local target = start(9)
    local sven = client_of(target)
    local results, failures = oneflow.map(numbers(3), function(a)
      return (oneflow.map(numbers(3), function(b) return assert(sven:contract(a * 10 + b):get()).id end))
    end)
    assert.equal(0, #failures)
    for a = 1, 3 do
      for b = 1, 3 do assert.equal(a * 10 + b, results[a][b]) end
    end
    target:stop()

    target = server.start(function(s)
      s.serve(function(c)
        for request in function() return c:request() end do
          if string.find(request.target, "/404", 1, true) then
            s.await_noted("held", 2)
            c:reply(404, { "content-type: application/json" }, "{}")
          else
            s.note "held"
            return c:until_closed()
          end
        end
      end)
    end)
    sven = client_of(target)
    local inner
    failures = select(2, oneflow.gather {
      stop = true,
      function() return sven:contract(404):get() end,
      function()
        local _, failed = oneflow.gather {
          function() return sven:contract(1):get() end, function() return sven:contract(2):get() end,
        }
        inner = failed
        return sven:contract(3):get()
      end,
    })
    assert.equal(2, #inner)
    assert.equal("cancelled", inner[1].err.kind)
    assert.equal("cancelled", inner[2].err.kind)
    assert.equal(2, #failures)
    assert.equal("not_sent", failures[2].err.outcome)
    assert.equal(3, #target:journal())
  end)

  it("nested: an inner stop leaves the outer alone; depth and many tasks do no harm", function()
    local target = start()
    local sven = client_of(target)
    local results = oneflow.gather {
      function()
        local _, failures = oneflow.gather { stop = true, function() return nil, "no" end }
        assert(failures[1].err == "no")
        return sven:contract(1):get()
      end,
      function() return sven:contract(2):get() end,
    }
    assert.equal(1, results[1].id)
    assert.equal(2, results[2].id)
    local function deep(n)
      if n == 0 then return assert(sven:contract(7):get()).id end
      return (oneflow.gather { function() return deep(n - 1) end })[1]
    end
    assert.equal(7, deep(300))
    local sum = 0
    oneflow.map(numbers(20000), function(i) sum = sum + i end)
    assert.equal(200010000, sum)
  end)

  it("in a task's own generators, and where a function cannot yield, a call waits inline", function()
    local target = start()
    local sven = client_of(target)
    local function ids(from, to)
      return coroutine.wrap(function()
        for id = from, to do coroutine.yield(assert(sven:contract(id):get()).id) end
      end)
    end
    local function get(id) return assert(sven:contract(id):get()).id end
    package.preload["oneflow.spec.gathered"] = function() return { get(33) } end
    local results, failures = oneflow.gather {
      function()
        local seen = {}
        for id in ids(1, 5) do seen[#seen + 1] = id end
        return table.concat(seen, ",")
      end,
      function()
        local list = { 13, 11, 12 }
        table.sort(list, function(a, b) return get(a) < get(b) end)
        return table.concat(list, ",")
      end,
      function() return (string.gsub("21 22", "%d+", function(id) return get(tonumber(id)) + 1 end)) end,
      function()
        package.loaded["oneflow.spec.gathered"] = nil
        return require("oneflow.spec.gathered")[1]
      end,
      function()
        local lazy = setmetatable({}, {
          __index = function(_, id) return get(id) end, __add = function(_, id) return get(id) end,
          __concat = function(_, id) return get(id) end, __lt = function() return get(1) == 1 end,
        })
        return table.concat({ lazy[41], lazy + 42, lazy .. 43, tostring(lazy < lazy) }, ",")
      end,
      function() return select(2, pcall(function() return get(51) end)) end,
      function()
        local inner = coroutine.wrap(function()
          return (oneflow.map({ 61, 62 }, get))
        end)()
        return inner[1] + inner[2]
      end,
      function() return get(71) end,
    }
    package.preload["oneflow.spec.gathered"] = nil
    assert.equal(0, #failures, failures[1] and tostring(failures[1].traceback))
    assert.same({ "1,2,3,4,5", "11,12,13", "22 23", 33, "41,42,43,true", 51, 123, 71, n = 8 }, results)
  end)

  it("what a call yields is opaque; a task that yields by itself fails, and nothing else", function()
    local target = start()
    local sven = client_of(target)
    local yielded
    local results, failures = oneflow.gather {
      function() coroutine.yield "mine" end,
      function()
        -- who resumes a task by himself sees a constant, and disturbs nothing
        local co = coroutine.running()
        local _, outer = oneflow.gather {
          function() return sven:contract(2):get() end,
          function() yielded = { coroutine.resume(co) } end,
        }
        return #outer == 0 and "undisturbed"
      end,
      function() return sven:contract(3):get() end,
    }
    assert.equal(1, #failures)
    assert.equal(1, failures[1].index)
    assert.is_truthy(string.find(failures[1].err, "yielded by itself", 1, true))
    assert.is_truthy(failures[1].traceback)
    assert.equal("undisturbed", results[2])
    assert.equal(3, results[3].id)
    if yielded[1] then
      assert.equal("oneflow: a task waits", tostring(yielded[2]))
      assert.is_false(getmetatable(yielded[2]))
    end
  end)

  it("two clients in one gather, one closed in the middle", function()
    local target, other = wire.held(), start()
    local sven, client = client_of(target)
    local anna = assert(client_of(other))
    local results, failures = oneflow.gather {
      function() return sven:contract(1):get() end,
      function() return sven:contract(2):publish {} end,
      function()
        repeat assert(anna:contract(1):get()) until #target:journal() == 2
        client:close()
        return "closed"
      end,
      function()
        for id = 1, 20 do assert(anna:contract(id):get()) end
        return anna:contract(21):get()
      end,
    }
    assert.equal("closed", results[3])
    assert.equal(21, results[4].id)
    assert.equal(2, #failures)
    for _, failure in ipairs(failures) do
      assert.equal("cancelled", failure.err.kind)
      assert.equal("unknown", failure.err.outcome)
    end
    assert.is_false((pcall(sven.contract(sven, 1).get, sven:contract(1))))
  end)

  it("a coroutine of the user's that gathers, and one that is resumed by a scheduler, wait inline", function()
    local target = start(4)
    local sven = client_of(target)
    local co = coroutine.create(function()
      return (oneflow.map(numbers(4), function(id) return assert(sven:contract(id):get()).id end))
    end)
    local good, results = coroutine.resume(co)
    assert.is_true(good, results)
    assert.equal("dead", coroutine.status(co))
    assert.equal(4, results[4])
  end)
end)

describe("gather and tokens:", function()
  local box
  setup(function() box = testing.server {} end)
  teardown(function() box:stop() end)
  before_each(function() box:reset() end)

  local ANNA = "anna@example.com"

  it("16 calls that are refused at once ask the token function once, and all succeed", function()
    local current, asked = box:generate_token "ga", {}
    local client = box:client {
      token = function(reason)
        asked[#asked + 1] = reason
        return current
      end,
    }
    local function get() return client:contract(4711):get { as = ANNA } end
    local function all()
      local results, failures = oneflow.map(numbers(16), get)
      assert.equal(0, #failures, failures[1] and tostring(failures[1].err))
      return results
    end
    all()
    assert.same({ "first" }, asked)
    box:revoke_token "ga"
    current = box:generate_token "gb"
    all()
    assert.same({ "first", "refused" }, asked)
    box:revoke_token "gb"
  end)

  it("a token function that itself makes calls is asked once, while the others wait", function()
    local vault = box:client()
    local current, asked = box:generate_token "gc", 0
    local client = box:client {
      token = function()
        asked = asked + 1
        assert(vault:ping())
        oneflow.gather { function() assert(vault:ping()) end }
        return current
      end,
    }
    local others = 0
    for _ = 1, 2 do
      local results, failures = oneflow.map(numbers(16), function(i)
        if i == 16 then
          others = others + 1
          return vault:ping()
        end
        return client:contract(4711):get { as = ANNA }
      end)
      assert.equal(0, #failures, failures[1] and tostring(failures[1].err))
      assert.equal(16, results.n)
      box:revoke_token(asked == 1 and "gc" or "gd")
      current = box:generate_token(asked == 1 and "gd" or "ge")
    end
    assert.equal(2, asked)
    box:revoke_token "ge"
  end)

  -- Who begins it does not wait for it yet: an item of its own may be what asks for the token.
  it("a call that is made ahead waits for a token that its beginner asks for", function()
    local target = server.start(function(s)
      s.serve(function(c)
        for request in function() return c:request() end do
          local id = string.match(request.target, "/contracts/(%d+)")
          if id == "9" then
            s.note "asking"
            s.await_noted("refused", 2)
          elseif string.find(request.headers["x-oneflow-api-token"], "old", 1, true) and id ~= "1" then
            if id == "2" then s.await_noted("asking", 1) end
            s.note "refused"
            c:reply(401, {}, "{}")
            id = nil
          end
          if id then c:reply(200, { "content-type: application/json" }, '{"id":' .. id .. '}') end
        end
      end)
    end)
    local vault = client_of(target)
    local sven = client_of(target, { token = function(reason)
      if reason == "first" then return "old-old-old-old-old" end
      assert(vault:contract(9):get())
      return "new-new-new-new-new"
    end })
    local at, ahead = 0, nil
    local results, failures = oneflow.map(function()
      at = at + 1
      if at == 1 then
        ahead = gather.begin(function() return sven:contract(2):get() end)
        return 3
      elseif at == 2 then
        local taken, contract, err = gather.take(ahead)
        assert(taken and contract, err)
        return contract.id
      end
    end, function(id) return sven:contract(id):get() end, { concurrency = 2 })
    assert.same({}, failures)
    assert.same({ 3, 2 }, { results[1].id, results[2].id })
  end)

  it("one that raises, gives none, or calls its client is reported, and nothing waits for ever", function()
    local client
    local function run(token)
      client = box:client { token = token }
      return select(2, oneflow.map(numbers(4), function() return client:ping() end))
    end
    local vault = box:client()
    local failures = run(function()
      vault:ping()
      return nil, "the vault is closed"
    end)
    assert.equal(4, #failures)
    for _, failure in ipairs(failures) do
      assert.is_truthy(string.find(tostring(failure.err), "the vault is closed", 1, true), tostring(failure.err))
    end
    failures = run(function()
      vault:ping()
      error("vault!", 0)
    end)
    assert.equal(4, #failures)
    assert.equal("vault!", failures[1].err)
    assert.equal("not_sent", failures[4].err.outcome)
    for name, recursion in pairs {
      directly = function() return client:ping() end,
      gathered = function()
        local _, inner = oneflow.gather { function() return client:ping() end }
        error(inner[1].err, 0)
      end,
      generated = function()
        local _, err = coroutine.wrap(function() return client:ping() end)()
        error(tostring(err), 0)
      end,
    } do
      failures = run(function()
        vault:ping()
        return recursion()
      end)
      assert.equal(4, #failures, name)
      assert.is_truthy(string.find(failures[1].err, name == "generated" and "requested by another"
        or "calls the client that asks", 1, true), name .. ": " .. tostring(failures[1].err))
    end
  end)
end)

describe("each with prefetch:", function()
  local box, client, admin
  local DRAFTS = { filter = { states = { "draft" } } }
  local contexts = {
    ["in a script"] = function(fn) fn() end,
    ["in a task"] = function(fn)
      local _, failures = oneflow.gather { fn }
      if failures[1] then error(failures[1].traceback or failures[1].err, 0) end
    end,
    ["in a gatherer"] = function(fn)
      local gatherer = oneflow.gatherer()
      gatherer:add(fn)
      gatherer:wait()
    end,
  }
  before_each(function()
    box = testing.server {}
    client = box:client()
    admin = assert(client:user "admin@example.com")
    for contract in admin.contracts:each(DRAFTS) do assert(contract:delete()) end
  end)
  after_each(function()
    client:close()
    box:stop()
  end)

  for name, inside in pairs(contexts) do
    for act, change in pairs {
      published = function(contract) assert(contract:publish { subject = "Please sign" }) end,
      deleted = function(contract) assert(contract:delete()) end,
      read = function(contract) assert(contract:get()) end,
    } do
      it(name .. ": 60 drafts, each " .. act .. " by the loop, are visited once", function()
        local ids = box:add_contracts(60, { state = "draft" })
        local visits, count = {}, 0
        inside(function()
          for contract in admin.contracts:each(DRAFTS, { prefetch = true, page_size = 7 }) do
            visits[contract.id] = (visits[contract.id] or 0) + 1
            count = count + 1
            change(contract)
          end
        end)
        assert.equal(60, count)
        for _, id in ipairs(ids) do assert.equal(1, visits[id], "contract " .. id) end
      end)
    end

    it(name .. ": an undisturbed walk asks for no page twice, and ahead of the loop", function()
      box:add_contracts(30, { state = "draft" })
      box:clear_journal()
      local function lists()
        local found = 0
        for _, entry in ipairs(box:journal()) do
          if entry.operation == "contract.list" then found = found + 1 end
        end
        return found
      end
      local count, at_first = 0, nil
      inside(function()
        for contract in admin.contracts:each(DRAFTS, { prefetch = true, page_size = 10 }) do
          count = count + 1
          if count == 1 then
            for _ = 1, 100 do
              assert(contract:get())
              at_first = lists()
              if at_first == 2 then break end
            end
          end
        end
      end)
      assert.equal(30, count)
      assert.equal(2, at_first)
      assert.equal(4, lists()) -- 10, then 9 new ones each
    end)
  end

  it("is started in vain by code that leaves the loop, or takes the iterator elsewhere", function()
    local ids = box:add_contracts(30, { state = "draft" })
    for _ in admin.contracts:each(DRAFTS, { prefetch = true, page_size = 10 }) do break end
    local iterator = admin.contracts:each(DRAFTS, { prefetch = true, page_size = 10 })
    local seen = { iterator().id }
    oneflow.gather { function() for _ = 1, 15 do seen[#seen + 1] = iterator().id end end }
    for contract in iterator do seen[#seen + 1] = contract.id end
    assert.same(ids, seen)
    local got = {}
    local walk = admin.contracts:each(DRAFTS, { prefetch = true, page_size = 10 })
    local _, failures = oneflow.map(walk, function(contract)
      local id = assert(contract:get()).id
      got[#got + 1] = id
    end)
    assert.equal(0, #failures, failures[1] and tostring(failures[1].err))
    table.sort(got)
    assert.same(ids, got)
    box:fault("contract.list", { status = 404, times = 1 })
    local good, err = pcall(function()
      for _ in admin.contracts:each(DRAFTS, { prefetch = true }) do break end
    end)
    assert.is_false(good)
    assert.equal("not_found", err.kind)
  end)
end)
