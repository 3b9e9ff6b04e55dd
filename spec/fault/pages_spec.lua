-- Iterating over pages: a failure raises, and never ends the loop early; items that exist throughout are visited once.
local server = require "spec.support.server"
local wire = require "spec.support.wire"

-- A live list: 1..args.n. `args.plan[k]` happens before list request k is answered: remove, add, move (to the
-- front) or back (to the end) = {ids}, { status = 503 } or { cut = true }. DELETE removes an id; publishing too
-- (they are drafts).
local function script(s, args)
  local live = {}
  for id = 1, args.n do live[id] = id end
  local function remove(id)
    for i, other in ipairs(live) do
      if other == id then return table.remove(live, i) end
    end
  end
  local lists = 0
  s.serve(function(c)
    for request in function() return c:request() end do
      local id = tonumber(string.match(request.target, "/contracts/(%d+)"))
      if id then
        if request.method ~= "GET" then remove(id) end
        local contract = string.format('{"id":%d,"_private":{"name":"Contract %d"}}', id, id)
        c:reply(200, { "content-type: application/json" }, request.method == "DELETE" and "{}" or contract)
      else
        lists = lists + 1
        local step = args.plan[tostring(lists)] or {}
        for _, gone in ipairs(step.remove or {}) do remove(gone) end
        for _, moved in ipairs(step.move or {}) do table.insert(live, 1, remove(moved)) end
        for _, moved in ipairs(step.back or {}) do table.insert(live, (remove(moved))) end
        for _, new in ipairs(step.add or {}) do
          remove(new)
          live[#live + 1] = new
          table.sort(live)
        end
        local body = s.page(request, live)
        if step.status then
          c:reply(step.status, { "content-type: application/json" }, '{"title":"Down"}')
        elseif step.cut then
          c:write("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: " .. #body
            .. "\r\n\r\n", string.sub(body, 1, 40))
          c:fin()
          return
        else
          c:reply(200, { "content-type: application/json" }, body)
        end
      end
    end
  end)
end

local DRAFTS = { filter = { states = { "draft" } } }

local function start(n, plan)
  local keyed = { none = {} }
  for k, step in pairs(plan or {}) do keyed[tostring(k)] = step end
  return server.start(script, { n = n, plan = keyed })
end

local function walk(client, size, fn, query, most)
  local seen, order = {}, {}
  local sven = assert(client:user(wire.SVEN))
  for contract in sven.contracts:each(query, { page_size = size, max = most }) do
    seen[contract.id] = (seen[contract.id] or 0) + 1
    order[#order + 1] = contract.id
    if fn then fn(contract) end
  end
  return seen, order
end

describe("pages:", function()
  after_each(wire.clean)

  for name, step in pairs {
    ["answers 503"] = { status = 503 }, ["answers 404"] = { status = 404 },
      ["answers 401"] = { status = 401 }, ["is cut"] = { cut = true },
  } do
    for _, at in ipairs { 1, 3 } do
      it("case 49: page " .. at .. " " .. name .. ": each raises the error object, never a short end",
        function()
        local target = start(50, { [at] = step })
        local client = wire.client(target)
        for _, way in ipairs { "each", "pages" } do
          if way == "pages" then
            target:stop()
            target = start(50, { [at] = step })
            client = wire.client(target)
          end
          local visited = 0
          local ok, err = pcall(function()
            for item in client.contracts[way](client.contracts, {}, { page_size = 10, as = wire.SVEN }) do
              visited = visited + (way == "pages" and #item or 1)
            end
          end)
          assert.is_false(ok)
          wire.check_error(err)
          assert.equal("contract.list", err.operation)
          if way == "pages" or at == 1 then assert.equal((at - 1) * 10, visited) end
          assert.is_true(visited < 50 and (visited > 10 or at == 1))
          if step.status then assert.equal(step.status, err.status) else assert.equal("unknown",
            err.outcome) end
          wire.good_call(client)
        end
      end)

      it("case 49: page " .. at .. " " .. name .. ": next gives nil and the error, not false", function()
        local target = start(50, { [at] = step })
        local client = wire.client(target)
        local page, err = client.contracts:list({ limit = 10 }, { as = wire.SVEN })
        for _ = 2, at do
          assert.equal(50, page.count)
          page, err = page:next()
        end
        assert.is_nil(page)
        wire.check_error(err)
        wire.good_call(client)
      end)
    end
  end

  local function exactly_once(seen, from, to, except)
    for id = from, to do
      if not (except and except[id]) then assert.equal(1, seen[id] or 0, "visits of " .. id) end
    end
    for id, times in pairs(seen) do assert.equal(1, times, "visits of " .. id) end
  end

  it("case 49: nothing changes: all once, in order, also with max and odd page sizes", function()
    for _, n in ipairs { 0, 1, 9, 10, 11, 250 } do
      for _, size in ipairs { 1, 10, 100 } do
        if n <= 11 or size > 1 then
          local target = start(n)
          local client = wire.client(target)
          local seen, order = walk(client, size)
          exactly_once(seen, 1, n)
          for i, id in ipairs(order) do assert.equal(i, id) end
          local _, some = walk(client, size, nil, {}, 5)
          assert.equal(math.min(5, n), #some)
          client:close()
          target:stop()
        end
      end
    end
  end)

  it("case 49: the loop itself removes each: all visited once", function()
    for _, way in ipairs { "publish", "delete" } do
      for _, size in ipairs { 3, 10, 100 } do
        local target = start(47)
        local client = wire.client(target)
        local seen = walk(client, size, function(contract)
          if way == "publish" then
            assert(contract:publish { subject = "s", message = "m" })
          else
            assert(contract:delete())
          end
        end, DRAFTS)
        exactly_once(seen, 1, 47)
        client:close()
        target:stop()
      end
    end
  end)

  it("case 49: the loop removes every second one: all visited once", function()
    local target = start(47)
    local client = wire.client(target)
    local seen = walk(client, 10, function(contract)
      if contract.id % 2 == 0 then assert(contract:delete()) end
    end, DRAFTS)
    exactly_once(seen, 1, 47)
  end)

  it("case 49: others remove what was visited, or what was not: all that lived throughout once", function()
    for _, removed in ipairs { { 1, 2, 3 }, { 45, 46 }, { 11 }, { 10 },
      { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 }, { 5, 25 } } do
      for at = 2, 4 do
        local target = start(47, { [at] = { remove = removed } })
        local client = wire.client(target)
        local gone = {}
        for _, id in ipairs(removed) do gone[id] = true end
        local seen = walk(client, 10)
        exactly_once(seen, 1, 47, gone)
        client:close()
        target:stop()
      end
    end
  end)

  it("case 49: others add in front, in the middle and at the end: all that lived throughout once", function()
    for _, added in ipairs { { 100 }, { -1 }, { 0, -1, -2, -3 }, { 100, 101, 102 } } do
      for at = 2, 5 do
        local target = start(47, { [at] = { add = added } })
        local client = wire.client(target)
        local seen = walk(client, 10)
        exactly_once(seen, 1, 47)
        client:close()
        target:stop()
      end
    end
  end)

  it("case 49: others move what was not visited yet to the front: all once", function()
    for _, moved in ipairs { { 40 }, { 31, 47 }, { 12 } } do
      for at = 2, 3 do
        local target = start(47, { [at] = { move = moved } })
        local client = wire.client(target)
        local seen = walk(client, 10)
        exactly_once(seen, 1, 47)
        client:close()
        target:stop()
      end
    end
  end)

  it("case 49: others move one to the front and another to the end, so that the offsets fit again: all once", function()
    for _, pair in ipairs { { 40, 3 }, { 12, 1 }, { 47, 9 } } do
      for at = 2, 3 do
        local target = start(47, { [at] = { move = { pair[1] }, back = { pair[2] } } })
        local client = wire.client(target)
        local seen = walk(client, 10)
        exactly_once(seen, 1, 47)
        client:close()
        target:stop()
      end
    end
  end)

  it("case 49: each and pages called again after an error go on where it came", function()
    for _, way in ipairs { "each", "pages" } do
      local target = start(30, { [2] = { status = 503 } })
      local client = wire.client(target)
      local order, failed = {}, 0
      local step = client.contracts[way](client.contracts, {}, { page_size = 10, as = wire.SVEN })
      while true do
        local good, item = pcall(step)
        if not good then
          failed = failed + 1
        elseif item == nil then
          break
        else
          for i = 1, way == "pages" and #item or 1 do order[#order + 1] = way == "pages" and item[i].id or item.id end
        end
      end
      assert.equal(1, failed)
      assert.equal(30, #order)
      for i, id in ipairs(order) do assert.equal(i, id) end
      target:stop()
    end
  end)

  it("case 49: random removals and additions: all that lived throughout once, or a raised error", function()
    local seed = os.time()
    math.randomseed(seed)
    local raised = 0
    for round = 1, 25 do
      local plan, touched, next_id = {}, {}, 1000
      for k = 2, 12 do
        local step = { remove = {}, add = {} }
        for _ = 1, math.random(0, 3) do
          local id = math.random(1, 60)
          step.remove[#step.remove + 1] = id
          touched[id] = true
        end
        for _ = 1, math.random(0, 2) do
          next_id = next_id + 1
          step.add[#step.add + 1] = math.random(2) == 1 and next_id or 2000 - next_id - 1000
        end
        plan[k] = step
      end
      local target = start(60, plan)
      local client = wire.client(target)
      local seen = {}
      local ok, err = pcall(function()
        for contract in client.contracts:each({}, { page_size = 10, as = wire.SVEN }) do
          seen[contract.id] = (seen[contract.id] or 0) + 1
        end
      end)
      for id, times in pairs(seen) do assert.equal(1, times, "seed " .. seed .. ", round " .. round .. ": "
        .. id) end
      if ok then
        for id = 1, 60 do
          assert.is_true(touched[id] or seen[id] == 1, "seed " .. seed .. ", round " .. round
            .. ": not visited: " .. id)
        end
      else
        wire.check_error(err)
        raised = raised + 1
      end
      client:close()
      target:stop()
    end
    assert.is_true(raised < 25, "seed " .. seed .. ": raised every time")
  end)
end)
