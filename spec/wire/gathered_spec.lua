-- Limited scripts in map, gather and a gatherer, beside functions of other users and of the host: a script reaches only
-- its own user, and the others end well, whatever it does with the coroutines in which it ran. In nginx:
-- nginx_limited_spec.
local oneflow = require "oneflow"
local limited = require "oneflow.limited"
local testing = require "oneflow.testing"
local escapes = require "spec.support.escapes"

local SVEN, ANNA, ADMIN = "sven@example.com", "anna@example.com", "admin@example.com"
local RUNS = 6 -- of the script's function, so many at once

describe("gathered scripts:", function()
  local box
  setup(function() box = testing.server {} end)
  teardown(function() box:stop() end)

  -- What the host runs beside the script: { name, function, expected result }.
  local function beside(client)
    local anna, admin = assert(client:user(ANNA)), assert(client:user(ADMIN))
    local list = {}
    local function add(name, fn, expected) list[#list + 1] = { name = name, fn = fn, expected = expected } end
    for i = 1, 3 do
      add("creates " .. i, function()
        local contract = assert(anna.contracts:create { workspace_id = 101, template_id = 201, name = "Beside " .. i })
        assert(anna:ping())
        return assert(contract:get()).name
      end, "Beside " .. i)
      add("reads " .. i, function()
        for _ = 1, 3 do assert(assert(admin:contract(4711):get()).id == 4711) end
        return "read"
      end, "read")
      add("local " .. i, function() return i end, i)
    end
    return list
  end

  local ways = {}

  -- -> results of the host's functions by their number
  function ways.gather(script, list)
    local functions, from = {}, {}
    for i = 1, RUNS do functions[#functions + 1] = function() return script(i) end end
    for n, entry in ipairs(list) do
      table.insert(functions, n * 2 % #functions + 1, entry.fn)
    end
    for i, fn in ipairs(functions) do
      for n, entry in ipairs(list) do
        if fn == entry.fn then from[n] = i end
      end
    end
    local told = {}
    functions.on_result = function(index, _, value) told[index] = (told[index] or 0) + (value ~= nil and 1 or 100) end
    functions.concurrency = 8
    local results = oneflow.gather(functions)
    local mine = {}
    for n = 1, #list do
      mine[n] = results[from[n]]
      assert.equal(1, told[from[n]], "on_result of " .. list[n].name)
    end
    assert.equal(#functions, results.n)
    return mine
  end

  -- The items are the host's and the script's alike; each map has a walk of Anna's as its iterator.
  function ways.map(script, list, client)
    local anna = assert(client:user(ANNA))
    local mine, walked = {}, 0
    local _, failures = oneflow.gather {
      function()
        local step = anna.contracts:each(nil, { page_size = 2, prefetch = true })
        local number = 0
        local results = oneflow.map(function()
          local contract = step()
          walked = walked + (contract and 1 or 0)
          return contract and walked <= RUNS and walked or nil
        end, function(i)
          number = number + 1
          return script(i)
        end, { concurrency = 4 })
        assert(results.n == number)
        return results.n
      end,
      function()
        local results, failed = oneflow.map(list, function(entry) return entry.fn() end, { concurrency = 9 })
        assert(not failed[1], failed[1] and tostring(failed[1].traceback or failed[1].err))
        for n = 1, #list do mine[n] = results[n] end
        return true
      end,
    }
    assert.is_nil(failures[1], failures[1] and tostring(failures[1].traceback or failures[1].err))
    assert.is_true(walked >= RUNS)
    return mine
  end

  function ways.gatherer(script, list)
    local gatherer, mine, ended = oneflow.gatherer { concurrency = 8 }, {}, 0
    for round = 1, 2 do -- the second when the coroutines of the first are done
      for i = 1, RUNS / 2 do
        gatherer:add(function() return script(i + (round - 1) * RUNS / 2) end, function() ended = ended + 1 end)
      end
      for n = round, #list, 2 do
        gatherer:add(list[n].fn, function(value, err)
          assert(mine[n] == nil, "told twice")
          mine[n] = value
          if value == nil then mine[n] = tostring(err) end
        end)
      end
      gatherer:wait()
    end
    assert.equal(RUNS, ended, "on_done of the script's functions")
    return mine
  end

  for _, script in ipairs(escapes.gathered()) do
    for name, way in pairs(ways) do
      it("case 60: " .. name .. ": " .. script.name, function()
        box:reset()
        box:clear_journal()
        local client = box:client { timeout = 20, attempt_timeout = 20, concurrency = 32 }
        local lines, count = {}, 0
        local fn = assert(limited.load(script.text, script.name, {
          user = assert(client:user(SVEN)), print = function(line)
            count = count + 1
            lines[(count - 1) % 5000 + 1] = line
          end,
        }))()
        local list = beside(client)
        local mine = way(fn, list, client)
        for n, entry in ipairs(list) do assert.equal(entry.expected, mine[n], entry.name) end
        assert.is_false(escapes.shows(lines, box.token))
        local users = {}
        for _, entry in ipairs(box:journal()) do
          local user = entry.user_email or "the anonymous administrator"
          users[user] = (users[user] or 0) + (entry.method == "POST" and 1 or 0)
          if user == SVEN then
            assert.is_nil(string.find(entry.path, "4711", 1, true), entry.path) -- no attempt asks for Anna's
          end
        end
        users[SVEN] = nil -- whatever it did
        assert.same({ [ANNA] = 3, [ADMIN] = 0 }, users)
        assert(client:contract(4711):get { as = ANNA })
        client:close()
      end)
    end
  end
end)
