-- Lua's memory runs out during a call, at each of its allocations in turn: the result of a request that may have been
-- applied is never lost.
local host = require "spec.support.host"
local process = require "spec.support.process"
local server = require "spec.support.server"
local wire = require "spec.support.wire"

-- Answers { "arrived": how many other requests came } to a GET of contract 1. The others get `status`.
local function start(status)
  return server.start(function(s, args)
    local arrived = 0
    s.serve(function(c)
      for request in function() return c:request() end do
        if string.find(request.target, "/contracts/1$") then
          c:reply(200, { "content-type: application/json" }, '{"id":1,"arrived":' .. arrived .. "}")
        else
          arrived = arrived + 1
          if string.find(request.target, "/files/", 1, true) then
            c:reply(args.status, { "content-type: application/pdf" }, "%PDF" .. string.rep("x", 5000))
          elseif request.method == "GET" then
            c:reply(args.status, { "content-type: application/json" },
              '{"data":[{"id":4711,"name":"Contract 4711"},{"id":4712}],"count":2}')
          else
            c:reply(args.status, { "content-type: application/json", "x-request-id: r-5" }, '{"id":4711,'
              .. '"name":"Contract 4711","parties":[{"id":1,"participants":[2,3.5,{"a\\u0062":"c"}]}]}')
          end
        end
      end
    end)
  end, { status = status or 200 })
end

-- In a process of its own: lets each allocation of a call fail, alone and with all that follow.
-- -> what came out, by how it reads, with how many requests that arrived, how often: { ["true"] = { ["1"] = 7 }, ... };
--    how many tries it were; what was written to standard error
local function each_allocation(target, run, status, options)
  local child = process.start(function(args)
    if rawget(_G, "jit") then jit.off() end -- whose compiler crashes by itself without memory
    local failing = assert(package.loadlib(args.failing, "luaopen_failing_lua"))()
    local oneflow = require "oneflow"
    local code = string.gsub(args.call, "..", function(hex) return string.char(tonumber(hex, 16)) end)
    local call = (loadstring or load)(code)
    local function client(hooks)
      return assert(oneflow.client { base_url = args.url, token = args.token, hooks = hooks })
    end
    local counter = client():user(args.user):contract(1)
    local function arrived() return counter:get().data.arrived end
    local hooks = args.hooks and { on_request = function() end, on_response = function() end } or nil
    local user = client(hooks):user(args.user)
    assert(call(user) or args.status >= 300)
    local before, seen, tries = arrived(), {}, 0
    for _, count in ipairs { 1, -1 } do
      local failed = 0
      for n = 1, 10000 do
        if args.first then user = client(hooks):user(args.user) end
        collectgarbage()
        local good, value, err
        _, failed, good, value, err = failing.try(n, count, call, user)
        local now = arrived()
        local out = "true"
        if not good then
          out = "raises " .. tostring(value)
        elseif not value then
          out = string.format("%s %s %s %s %s", tostring(err.kind), err.outcome, tostring(err.status), err.operation,
            tostring(err.acting_user))
          err.detail = (err.detail or "") -- it is a table like any other
          assert(#tostring(err) < 300)
        end
        seen[out] = seen[out] or {}
        local key = tostring(now - before)
        seen[out][key] = (seen[out][key] or 0) + 1
        before, tries = now, tries + 1
        assert(call(user) or args.status >= 300, "the good call after it")
        before = before + 1
        if failed == 0 then break end
      end
      assert(failed == 0)
    end
    return { seen = seen, tries = tries }
  end, {
    failing = host.failing "lua", call = process.dump(run), url = target.url, status = status, token = wire.TOKEN,
    user = wire.SVEN, hooks = options and options.hooks, first = options and options.first,
  })
  local result = child:result()
  return result.seen, result.tries, child.errors
end

local CALLS = {
  publish = { "contract.publish", function(user) return user:contract(4711):publish { subject = "s" } end },
  create = { "contract.create", function(user)
    return user.contracts:create { workspace_id = 1, template_id = 2, name = "n" }
  end },
  text = { "contract.publish", function(user) return user:contract(4711):publish({}, { decode = false }) end },
  request = { "request", function(user)
    return user:request("POST", "/contracts/4711/x", { body = { 1, { a = 2 } } })
  end },
  upload = { "file.create", function(user)
    return user:contract(4711).files:create { content = "%PDF", name = "a.pdf", upload_as = "attachment" }
  end },
  list = { "contract.list", function(user) return user.contracts:list { filter = { name = "n" } } end },
  download = { "file.download", function(user) return user:contract(4711):file(1):download() end },
}

-- The possible results, whichever allocation failed: nothing is lost, and nothing is wrong.
local function check(seen, operation, status, outcome)
  local known = {
    ["raises not enough memory"] = "0", -- a bare one tells that nothing was sent
    ["true"] = status < 300 and "1" or nil,
  }
  for _, user in ipairs { "nil", wire.SVEN } do -- as long as none was looked up
    known[string.format("memory not_sent nil %s %s", operation, user)] = "0"
  end
  local function line(kind) return string.format("%s %s %d %s %s", kind, outcome, status, operation, wire.SVEN) end
  known[line "memory"] = "1"
  if status >= 300 then known[line(status == 503 and "server" or "not_found")] = "1" end
  for out, arrivals in pairs(seen) do
    for count, times in pairs(arrivals) do
      -- The same, where Lua's stack could not grow before the call began.
      local unsent = string.find(out, "no room for a call of oneflow", 1, true) and "0"
      assert.equal(known[out] or unsent, count, string.format("%d times %s, arrived %s", times, out, count))
    end
  end
  assert.is_truthy(seen[line "memory"], "none once it was sent")
end

describe("out of memory:", function()
  after_each(wire.clean)

  local function nothing_lost(name, status, outcome, options)
    local seen, tries, errors = each_allocation(start(status), CALLS[name][2], status, options)
    check(seen, CALLS[name][1], status, outcome)
    assert.is_true(tries > 25, tries .. " tries") -- a download makes about 40 on LuaJIT
    return errors
  end

  for name in pairs(CALLS) do
    it("case 57: in each allocation of " .. name .. ": an error that says what may have been done", function()
      assert.equal("", nothing_lost(name, 200, "unknown"))
    end)
  end

  it("case 57: in the first call of a client", function()
    assert.equal("", nothing_lost("publish", 200, "unknown", { first = true }))
  end)

  it("case 57: of a call that was refused the error does not say that it may have been applied", function()
    assert.equal("", nothing_lost("publish", 404, "refused"))
    assert.equal("", nothing_lost("publish", 503, "unknown"))
  end)

  it("case 57: with hooks; what on_response could not get is written as a line", function()
    local lines = 0
    for line in string.gmatch(nothing_lost("publish", 200, "unknown", { hooks = true }), "[^\n]+") do
      local who, what = string.match(line, "^(oneflow: contract%.publish as sven@example%.com: )(.*)$")
      assert.is_truthy(who and (what == "on_response raised: not enough memory"
        or what == "what on_response raised could not be reported: no memory, or no room on the stack"), line)
      lines = lines + 1
    end
    assert.is_true(lines > 0)
  end)

  for _, way in ipairs { "map", "gatherer" } do
    it("case 57: in each allocation of a " .. way .. ": what arrived is among the results, or reported", function()
      local target = server.start(function(s)
        local posts = 0
        s.serve(function(c)
          for request in function() return c:request() end do
            if request.method == "POST" then posts = posts + 1 end
            c:reply(200, { "content-type: application/json" }, string.format('{"id":%s,"posts":%d,"state":"pending"}',
              string.match(request.target, "/contracts/(%d+)"), posts))
          end
        end)
      end)
      local child = process.start(function(args)
        if rawget(_G, "jit") then jit.off() end
        local failing = assert(package.loadlib(args.failing, "luaopen_failing_lua"))()
        local oneflow = require "oneflow"
        local user = assert(oneflow.client { base_url = args.url, token = args.token }):user(args.user)
        local contracts = { user:contract(11), user:contract(12), user:contract(13) }
        local function publish(contract)
          local value, err = contract:publish()
          return value, err
        end
        local function is_known(value, err) return value or type(err) == "table" and err.outcome == "unknown" end
        local known, points = 0, 0
        local function map() return oneflow.map(contracts, publish, { concurrency = 2 }) end
        local function try_map(n, count)
          local _, failed, good, results, failures = failing.try(n, count, map)
          if not good then
            if type(results) ~= "table" then return failed end -- nothing was begun
            results, failures = results.results, results.failures
          end
          for i = 1, 3 do
            if results[i] then known = known + 1 end
          end
          for i, failure in ipairs(failures) do
            assert(failure.index and failure.item == contracts[failure.index] and #failures == i or failures[i + 1])
            if is_known(nil, failure.err) then known = known + 1 end
          end
          return failed
        end
        local function try_gatherer(n, count)
          local gatherer, told, functions = oneflow.gatherer { concurrency = 2 }, {}, {}
          for i = 1, 3 do
            functions[i] = function() return publish(contracts[i]) end
            local one = { added = false, called = false, value = false, err = false }
            told[i] = one
            function one.on_done(value, err) one.called, one.value, one.err = true, value or false, err or false end
          end
          local _, failed = failing.try(n, count, function()
            for i = 1, 3 do
              gatherer:add(functions[i], told[i].on_done)
              told[i].added = true
            end
            gatherer:wait()
          end)
          repeat until pcall(gatherer.wait, gatherer)
          for i = 1, 3 do
            assert(told[i].called or not told[i].added, "on_done was not called")
            if is_known(told[i].value, told[i].err) then known = known + 1 end
          end
          return failed
        end
        local try = args.way == "map" and try_map or try_gatherer
        map()
        for _, count in ipairs { 1, -1 } do
          for n = 1, 10000 do
            collectgarbage()
            local failed = try(n, count)
            points = points + 1
            if failed == 0 then break end
          end
        end
        local results, failures = map()
        assert(results[3] and not failures[1])
        return { known = known + 6, points = points, posts = user:contract(1):get().data.posts }
      end, { failing = host.failing "lua", url = target.url, token = wire.TOKEN, user = wire.SVEN, way = way })
      local result = child:result()
      assert.is_true(result.points > 200, result.points .. " points")
      local lines = select(2, string.gsub(child.errors, "nobody waited for the end of the call: ", ""))
      assert.is_true(result.posts <= result.known + lines, string.format("%d arrived, %d known, %d lines\n%s",
        result.posts, result.known, lines, child.errors))
    end)
  end

  it("case 62: where the stack ends in the middle of a call, it is known what was done", function()
    for _, hooks in ipairs { false, true } do
      local child = process.start(function(args)
        if rawget(_G, "jit") then jit.off() end -- crashes by itself where the stack ends while it leaves compiled code
        local oneflow = require "oneflow"
        local sent, told = 0, 0
        local all = { on_error = function() told = told + 1 end, on_response = args.hooks and function() end or nil }
        local function user()
          return assert(oneflow.client { token = args.token, hooks = all, transport = function()
            sent = sent + 1
            return 200, { ["content-type"] = "application/json" }, '{"id":4711,"parties":[{"id":1,"list":[1,2.5]}]}'
          end }):user "sven@example.com"
        end
        local function names(count)
          local list = {}
          for i = 1, count do list[i] = "p" .. i end
          return table.concat(list, ",")
        end
        -- Publishes with so many frames of a hundred slots below it, and `room` slots more.
        local function digger(room)
          local contract = user():contract(4711)
          local code = ([[local contract = ...
            local function last() local %s local value, err = contract:publish() return value, err end
            local function dig(n)
              local %s
              if n == 0 then local value, err = last() return value, err end
              local value, err = dig(n - 1)
              return value, err
            end
            return dig]]):format(names(room), names(100))
          local dig = (loadstring or load)(code)(contract)
          return function(depth) return pcall(dig, depth) end
        end
        local fits, over = 1, 100000
        local dig = digger(1)
        while fits < over - 1 do
          local middle = math.floor((fits + over) / 2)
          if dig(middle) then fits = middle else over = middle end
        end
        local silent, struck = {}, 0
        for depth = fits - 1, fits + 1 do
          for room = 1, 110 do
            local one, sent_before, told_before = digger(room), sent, told
            local good, value, err = one(depth)
            if not good then struck = struck + 1 end
            local known = good and (value or err.outcome == "unknown") or told > told_before
            if sent > sent_before and not known then silent[#silent + 1] = tostring(value) end
            assert(sent > sent_before or not good)
          end
        end
        return { silent = silent, struck = struck }
      end, { token = wire.TOKEN, hooks = hooks })
      local result = child:result()
      local lines = select(2, string.gsub(child.errors, "oneflow: contract%.publish as sven@example%.com: ", ""))
      assert.is_true(result.struck + lines > 0)
      assert.is_true(#result.silent <= lines, table.concat(result.silent, "\n") .. child.errors)
    end
  end)
end)
