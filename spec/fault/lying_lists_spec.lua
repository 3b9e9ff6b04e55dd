-- Lists whose pages contradict each other, whose items have no ids, or whose items move in a sorted list: `each` and
-- `pages` end after a limited number of requests, with the right result or with an error.
local server = require "spec.support.server"
local wire = require "spec.support.wire"

-- A list of `args.n` items, told as `args.lie` says. `args.plan[k]` happens before list request k is answered: `front`
-- and `remove` are ids that move to the front or go, `add` is appended.
local function script(s, args)
  local live, lists = {}, 0
  for id = 1, args.n do live[id] = id end
  local function remove(id)
    for i, other in ipairs(live) do
      if other == id then return table.remove(live, i) end
    end
  end
  local function item(id)
    if args.lie == "without ids" then return string.format('{"text":"entry %d","of":{"day":[1,%d]}}', id, id % 3) end
    return string.format('{"id":%d,"_private":{"name":"Contract %d"}}', id, id)
  end
  local function page(offset, limit)
    local from, to, count = offset + 1, math.min(offset + limit, #live), #live
    local following = to < #live and offset + limit or nil
    local lie = args.lie
    if lie == "cached first page" then
      if offset > 0 then from, to, count, following = 1, 0, 0, nil end
    elseif lie == "count too high" then
      count = count + 150
    elseif lie == "next without end" then
      following = offset + limit
    elseif lie == "next of the last page" then
      following = following or offset + math.max(1, to - offset)
    elseif lie == "next that does not lead on" then
      following = following or offset
    elseif lie == "hole" then
      if offset > 0 and offset < 2 * limit then from, to = 1, 0 end
    elseif lie == "begins elsewhere" then
      if offset > 0 then from = from + 1 end
    elseif lie == "the same page" then
      from, to, following = 1, math.min(limit, #live), offset + limit
    elseif lie == "new ones without end" then
      for id = #live + 1, offset + 2 * limit do live[id] = id end
      to, count, following = offset + limit, nil, offset + limit
    elseif lie == "one a page" then
      to = math.min(to, offset + 1)
      following = offset + 1
    end
    local words = {}
    for i = from, to do words[#words + 1] = item(live[i]) end
    return string.format('{"count":%s,"data":[%s],"_links":{"next":{"href":%s}}}', count or "null",
      table.concat(words, ","), following and string.format('"/v1/contracts?limit=%d&offset=%d"', limit, following)
      or "null")
  end
  s.serve(function(c)
    for request in function() return c:request() end do
      lists = lists + 1
      local step = args.plan and args.plan[tostring(lists)] or {}
      for _, id in ipairs(step.remove or {}) do remove(id) end
      for _, id in ipairs(step.front or {}) do table.insert(live, 1, remove(id)) end
      for _, id in ipairs(step.add or {}) do live[#live + 1] = id end
      local offset = tonumber(string.match(request.target, "[?&]offset=(%d+)")) or 0
      local limit = tonumber(string.match(request.target, "[?&]limit=(%d+)")) or 100
      c:reply(200, { "content-type: application/json" }, page(offset, limit))
    end
  end)
end

-- -> how often each id was visited, in which order, requests that arrived, the error that was raised
local function walk(args, way, query, options, collection)
  local target = server.start(script, args)
  local sven = assert(wire.client(target):user(wire.SVEN))
  local visits, order = {}, {}
  local function visit(item)
    local id = item.id or item.data.text
    visits[id] = (visits[id] or 0) + 1
    order[#order + 1] = id
  end
  local good, err = pcall(function()
    local list = sven[collection or "contracts"]
    for item in list[way](list, query, options) do
      if way == "pages" then for _, one in ipairs(item) do visit(one) end else visit(item) end
    end
  end)
  local journal = target:journal()
  target:stop()
  if not good then wire.check_error(err) end
  return visits, order, journal, not good and err or nil
end

local function once(visits)
  for id, times in pairs(visits) do assert.equal(1, times, "visits of " .. id) end
end

describe("lists that lie:", function()
  after_each(wire.clean)

  -- What each must come to: every item, or an error; and after how many requests at most.
  local LIES = {
    { lie = "cached first page", n = 120, fails = "changes faster", most = 30 },
    { lie = "count too high", n = 130, fails = "counts 280 items, and lists none from offset", most = 30 },
    { lie = "hole", n = 290, fails = "counts 290 items, and lists none from offset 49 on", most = 30 },
    { lie = "begins elsewhere", n = 140, fails = "changes faster", most = 30 },
    { lie = "the same page", n = 170, fails = "changes faster", most = 30 },
    { lie = "new ones without end", n = 200, fails = "more than 20000 items match", most = 600 },
    { lie = "one a page", n = 40, fails = "a page of 1 items with more after it", most = 4 },
    { lie = "next without end", n = 130, most = 6 },
    { lie = "next of the last page", n = 130, most = 6 },
    { lie = "next that does not lead on", n = 130, most = 6 },
    { lie = "next of the last page", n = 1, most = 2 },
    { lie = "next without end", n = 0, most = 2 },
  }

  for _, case in ipairs(LIES) do
    it("case 61: " .. case.lie .. " (" .. case.n .. "): each ends, and visits nothing twice", function()
      local visits, order, journal, err = walk({ n = case.n, lie = case.lie }, "each", {}, { page_size = 50 })
      once(visits)
      assert.is_true(#journal <= case.most, #journal .. " requests")
      if case.fails then
        assert.equal("limit", err.kind)
        assert.truthy(string.find(tostring(err), case.fails, 1, true), tostring(err))
      else
        assert.is_nil(err)
        assert.equal(case.n, #order)
      end
    end)
  end

  for _, case in ipairs {
    { lie = "the same page", n = 170, fails = "the same page again", most = 3 },
    { lie = "next without end", n = 130, fails = "an empty page with more after it", most = 4, visits = 130 },
    { lie = "new ones without end", n = 200, fails = "no further than offset 19900", most = 399 },
  } do
    it("case 61: " .. case.lie .. ": pages ends", function()
      local _, order, journal, err = walk({ n = case.n, lie = case.lie }, "pages", {}, { page_size = 50 })
      assert.is_true(#journal <= case.most, #journal .. " requests")
      assert.equal("limit", err.kind)
      assert.truthy(string.find(tostring(err), case.fails, 1, true), tostring(err))
      if case.visits then assert.equal(case.visits, #order) end
    end)
  end

  it("case 61: items without ids: each visits all of them once, in order", function()
    local visits, order, journal, err = walk({ n = 170, lie = "without ids" }, "each", {}, { page_size = 60 }, "logs")
    assert.is_nil(err)
    once(visits)
    for i = 1, 170 do assert.equal("entry " .. i, order[i]) end
    assert.equal(170, #order)
    assert.equal(3, #journal)
  end)

  for what, step in pairs {
    ["one comes in front of what was visited"] = { add = { 900 }, front = { 900 } },
    ["one goes that was visited"] = { remove = { 7 } },
    ["one goes and another one comes"] = { remove = { 7 }, add = { 900 } },
  } do
    it("case 61: items without ids, " .. what .. ": an error, and nothing twice", function()
      local visits, order, _, err = walk({ n = 170, lie = "without ids", plan = { ["2"] = step, none = {} } }, "each",
        {}, { page_size = 60 }, "logs")
      once(visits)
      assert.equal(60, #order)
      assert.equal("limit", err.kind)
      assert.truthy(string.find(tostring(err), "have no ids", 1, true), tostring(err))
    end)
  end
end)

describe("a sorted walk:", function()
  after_each(wire.clean)

  -- Others move an item to the front before the second page, so that count and offsets are unchanged.
  local MOVED = { ["2"] = { remove = { 20 }, front = { 137 }, add = { 800 } }, none = {} }

  it("case 61: what moves past a walk that is sorted by name is visited all the same", function()
    local visits, order, journal, err = walk({ n = 170, plan = MOVED }, "each", { sort = "name" }, { page_size = 60 })
    assert.is_nil(err)
    once(visits)
    for id = 1, 170 do assert.equal(1, visits[id], "visits of " .. id) end
    assert.equal(137, order[#order])
    assert.equal(6, #journal)
    for i, request in ipairs(journal) do
      assert.equal(i <= 3, string.find(request.target, "sort=name", 1, true) ~= nil, request.target)
    end
  end)

  it("costs nothing more where one page holds all, or the loop ends before", function()
    local _, order, journal = walk({ n = 60 }, "each", { sort = "-name" })
    assert.equal(60, #order)
    assert.equal(1, #journal)
    _, order, journal = walk({ n = 170 }, "each", { sort = "name" }, { page_size = 60, max = 100 })
    assert.equal(100, #order)
    assert.equal(2, #journal)
  end)

  it("is walked once where the column cannot change", function()
    local target = server.start(script, { n = 170 })
    local contract = assert(wire.client(target):user(wire.SVEN)):contract(4711)
    local visited = 0
    for _ in contract.events:each({ sort = "-created_time,id" }, { page_size = 60 }) do visited = visited + 1 end
    assert.equal(170, visited)
    assert.equal(3, #target:journal())
  end)
end)
