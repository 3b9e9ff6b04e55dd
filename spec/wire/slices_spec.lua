-- `each` over more than the offsets reach: walked in slices of time. All that lived throughout is visited once, or an
-- error says that it cannot be; never a short end.
local oneflow = require "oneflow"
local process = require "spec.support.process"
local wire = require "spec.support.wire"

if wire.slow > 1 then return end -- hours under valgrind, and nothing of the core that others do not use

local REACH = 19999 -- what is visited of an unsliced list that is longer than offsets reach

local time = oneflow.time

-- A process of its own: its memory is that of the walk alone. 21 000 drafts, 3000 published in one second, 1000
-- signed, and the seed's four; ten are made and ten deleted while they are walked: some that were visited, some that
-- were not, old ones and new.
local function walk_sandbox(args)
  local wire = require "spec.support.wire" -- luacheck: ignore
  local box = require("oneflow.testing").server {}
  local SECOND, OLD = "2022-06-30T07:15:23+00:00", "2020-05-05T05:05:05+00:00"
  local lists = {
    box:add_contracts(21000, {
      created_from = "2020-01-01T00:00:00+00:00", created_to = "2022-01-01T00:00:00+00:00",
    }),
    box:add_contracts(3000, { state = "pending", published_from = SECOND }),
    box:add_contracts(1000, {
      state = "signed", created_from = "2022-07-01T00:00:00+00:00",
      published_from = "2022-08-01T00:00:00+00:00", published_to = "2022-09-01T00:00:00+00:00",
    }),
  }
  local admin = assert(box:client():user "admin@example.com")
  box:clear_journal()
  local result = { visits = 0, made = 0, deleted = 0, requests = 0 }
  local seen, gone = {}, {}
  -- What is in use of Lua's memory: the peak of the process has garbage too, of which Lua 5.3 lets much gather.
  local function in_use()
    collectgarbage()
    collectgarbage()
    return collectgarbage "count" * 1024
  end
  local before
  result.peak = wire.growth(function()
    for contract in admin.contracts:each(args.drafts and { filter = { states = { "draft" } } } or {}) do
      seen[contract.id] = (seen[contract.id] or 0) + 1
      result.visits = result.visits + 1
      if result.visits == 5000 then before = in_use() end
      if result.visits == 20000 then result.later = in_use() - before end
      if result.visits % 2000 == 0 then io.write "going on\n" end -- more is to be waited for
      io.flush()
      if result.visits % 2000 == 1000 and result.made < 10 then
        result.made = result.made + 1
        local id = result.made % 2 == 0 and contract.id or lists[1][result.made * 1999]
        if not gone[id] and admin:contract(id):delete() then result.deleted = result.deleted + 1 end
        gone[id] = true
        local at = result.made % 3 == 0 and SECOND or result.made % 3 == 1 and OLD or nil
        box:add_contracts(1, { created_from = at })
      end
    end
  end)
  for _, entry in ipairs(box:journal()) do
    if entry.operation == "contract.list" then result.requests = result.requests + 1 end
  end
  result.missed, result.twice = 0, 0
  for i, list in ipairs(lists) do
    for _, id in ipairs(list) do
      if not gone[id] and not seen[id] and (i == 1 or not args.drafts) then result.missed = result.missed + 1 end
    end
  end
  for _, times in pairs(seen) do
    if times ~= 1 then result.twice = result.twice + 1 end
  end
  box:stop()
  return result
end

-- busted looks a global up in every block around; here that would be most of the time.
local ipairs, pairs, math, string, table, tonumber = ipairs, pairs, math, string, table, tonumber

-- ---- a service of many small contracts -------------------------------------------------------------------------

local function unescape(text)
  return (string.gsub(text, "%%(%x%x)", function(digits) return string.char(tonumber(digits, 16)) end))
end

local function seconds_of(text, default)
  if text == "" then return default end
  if #text == 10 then return time.parse_date(text) end
  local seconds, nanoseconds = time.parse(text)
  return seconds + nanoseconds / 1e9
end

-- A range as the service reads it: { from_open =, to_open = } leave the ends out, `read` turns a range into what the
-- service makes of it.
local function in_range(quirks, value)
  local from, to = string.match(value, "^([^|]*)|([^|]*)$")
  from, to = seconds_of(from, -math.huge), seconds_of(to, math.huge)
  if quirks.read then from, to = quirks.read(from, to) end
  return function(at)
    if at == nil then return false end
    return (at > from or (at == from and not quirks.from_open)) and (at < to or (at == to and not quirks.to_open))
  end
end

local TIMES = { ["filter[created_time]"] = "created", ["filter[published_time]"] = "published" }

-- Items { id, created, published } by the times of the list `created`; see `quirks` where they are used.
local function service(created, quirks)
  local self = { items = {}, requests = {}, quirks = quirks or {}, version = 0 }
  for i, at in ipairs(created) do
    self.items[i] = { id = i, created = at, published = self.quirks.published and self.quirks.published(i, at) }
  end
  local lists, lists_version = {}, nil

  local function list_of(query)
    local key = {}
    for name, value in pairs(query) do
      if name ~= "limit" and name ~= "offset" then key[#key + 1] = name .. "=" .. value end
    end
    table.sort(key)
    key = table.concat(key, "&")
    if lists_version ~= self.version then lists, lists_version = {}, self.version end
    if lists[key] then return lists[key] end
    local list, tests = {}, {}
    for name, column in pairs(TIMES) do
      if query[name] and not self.quirks.ignores then
        tests[#tests + 1] = { column = column, fits = in_range(self.quirks, query[name]) }
      end
    end
    for _, item in ipairs(self.items) do
      local fits = true
      for _, test in ipairs(tests) do fits = fits and test.fits(item[test.column]) end
      if fits then list[#list + 1] = item end
    end
    lists[key] = list
    return list
  end

  local function text_of(at)
    return at and '"' .. time.format(math.floor(at)) .. '"' or "null"
  end

  function self.transport(request)
    local query = {}
    for name, value in string.gmatch(request.query or "", "([^&=]+)=([^&]*)") do
      query[unescape(name)] = unescape(value)
    end
    self.requests[#self.requests + 1] = query
    if self.before then self.before(#self.requests, query) end
    local status = self.quirks.status and self.quirks.status(query, #self.requests)
    if status then
      return status, { ["content-type"] = "application/json" },
        '{"title":"Bad request","parameter_problems":{"filter[created_time]":["Unknown filter."]}}'
    end
    local list, rows = list_of(query), {}
    local limit, offset = tonumber(query.limit or 100), tonumber(query.offset or 0)
    for i = offset + 1, math.min(offset + limit, #list) do
      local item = list[i]
      item.text = item.text or string.format('{"id":%d,"published_time":%s%s}', item.id, text_of(item.published),
        self.quirks.hidden and ""
          or string.format(',"_private_ownerside":{"created_time":%s}', text_of(item.created)))
      rows[#rows + 1] = item.text
    end
    local count = self.quirks.uncounted and "" or string.format('"count":%d,', #list)
    local more = offset + limit < #list and offset + limit <= 19900
    local link = more and string.format('{"href":"/v1/contracts?offset=%d"}', offset + limit) or '{"href":null}'
    return 200, { ["content-type"] = "application/json" },
      string.format('{%s"_links":{"next":%s},"data":[%s]}', count, link, table.concat(rows, ","))
  end

  function self.add(at)
    self.version = self.version + 1
    self.last_id = (self.last_id or 1000000) + 1
    self.items[#self.items + 1] = { id = self.last_id, created = at, published = at }
  end

  function self.remove(i)
    self.version = self.version + 1
    return table.remove(self.items, i).id
  end

  self.contracts = assert(oneflow.client { token = "token", transport = self.transport }:user(wire.SVEN)).contracts
  return self
end

local T0 = assert(time.parse "2020-01-01T00:00:00+00:00")

local function spread(count, step)
  local times = {}
  for i = 1, count do times[i] = T0 + (i - 1) * step end
  return times
end

local function walk(contracts, query, opts, act)
  local seen, count = {}, 0
  local good, err = pcall(function()
    for contract in contracts:each(query, opts) do
      seen[contract.id] = (seen[contract.id] or 0) + 1
      count = count + 1
      if act then act(contract, count) end
    end
  end)
  if good then err = nil end
  if err then wire.check_error(err) end
  return seen, count, err
end

local function all_once(seen, ids, except)
  for _, id in ipairs(ids) do
    if seen[id] ~= 1 and not (except and except[id]) then
      error(string.format("contract %d: %d visits", id, seen[id] or 0))
    end
  end
  for id, times in pairs(seen) do
    if times ~= 1 then error(string.format("contract %d: %d visits", id, times)) end
  end
end

local function ids_to(count)
  local ids = {}
  for i = 1, count do ids[i] = i end
  return ids
end

local function filters_used(requests)
  local used = {}
  for _, query in ipairs(requests) do
    for name in pairs(TIMES) do used[name] = (used[name] or 0) + (query[name] and 1 or 0) end
  end
  return used
end

describe("slices:", function()
  after_each(process.clean)

  it("a list that the offsets reach is walked as it is, and so is the beginning of a longer one", function()
    local s = service(spread(19900, 60))
    local seen, count, err = walk(s.contracts)
    assert.is_nil(err)
    assert.equal(19900, count)
    all_once(seen, ids_to(19900))
    assert.same({ ["filter[created_time]"] = 0, ["filter[published_time]"] = 0 }, filters_used(s.requests))
    s = service(spread(25000, 60))
    assert.equal(500, select(2, walk(s.contracts, {}, { max = 500 })))
    assert.is_true(#s.requests <= 7, #s.requests)
  end)

  it("a longer one is walked in slices, each item once, by the confirmed filter when all have that time", function()
    local s = service(spread(25000, 60), { published = function(_, at) return at + 100 end })
    local seen, count, err = walk(s.contracts)
    assert.is_nil(err)
    assert.equal(25000, count)
    all_once(seen, ids_to(25000))
    assert.equal(0, filters_used(s.requests)["filter[created_time]"])
    assert.is_true(#s.requests < 400, #s.requests)
    for _, query in ipairs(s.requests) do
      assert.is_true(#(query["filter[published_time]"] or "") <= 60)
      assert.is_true(tonumber(query.offset or 0) < 5100)
    end
  end)

  it("one without that time among them: by the time of creation", function()
    local s = service(spread(25000, 60), { published = function(i, at) return i > 1 and at or nil end })
    local seen, _, err = walk(s.contracts)
    assert.is_nil(err)
    all_once(seen, ids_to(25000))
    assert.is_true(filters_used(s.requests)["filter[created_time]"] > 200)
  end)

  it("with prefetch the same", function()
    local s = service(spread(25000, 60))
    local seen, _, err = walk(s.contracts, {}, { prefetch = true })
    assert.is_nil(err)
    all_once(seen, ids_to(25000))
  end)

  it("the caller's own range of the same time is kept to, its ends as they were written", function()
    local s = service(spread(40000, 60))
    local from, to = time.format(T0 + 60 * 1000), "2020-01-18T00:00:00+0000" -- minute 24480
    local seen, count, err = walk(s.contracts, { filter = { created_time = { from = from, to = to } } })
    assert.is_nil(err)
    assert.equal(24480 - 1000 + 1, count)
    for id in pairs(seen) do assert.is_true(id >= 1001 and id <= 24481) end
    local starts, ends = false, false
    for _, query in ipairs(s.requests) do
      local first, last = string.match(query["filter[created_time]"], "^([^|]+)|([^|]+)$")
      assert.is_truthy(first, query["filter[created_time]"])
      starts, ends = starts or first == from and last ~= to, ends or last == to and first ~= from
    end
    assert.is_true(starts and ends)
    local later = { filter = { created_time = { from = "2020-01-03" } } }
    assert.equal(40000 - 2 * 1440, select(2, walk(s.contracts, later)))
  end)

  it("whether the ends of a range belong to it, and however exact times are: all once", function()
    for _, quirks in ipairs { { from_open = true, to_open = true }, { to_open = true } } do -- elsewhere they do
      local times = {}
      for i = 1, 21000 do times[i] = T0 + math.random(0, 2000) + (quirks.from_open and math.random() or 0) end
      local s = service(times, quirks)
      local seen, _, err = walk(s.contracts)
      assert.is_nil(err)
      all_once(seen, ids_to(21000))
    end
  end)

  it("random additions and removals while it is walked: all that lived throughout once, or a raised error", function()
    local seed = os.time()
    local raised = 0
    for round = 1, 2 do
      math.randomseed(seed + round)
      local times = {}
      for i = 1, 21000 do times[i] = T0 + math.random(0, 3e7) end
      local s = service(times, { from_open = round % 2 == 0 })
      local gone, at = {}, {}
      for _ = 1, 20 do at[math.random(2, 250)] = true end
      s.before = function(request)
        if not at[request] then return end
        gone[s.remove(math.random(#s.items))] = true
        if math.random(2) == 1 then s.add(T0 + math.random(0, 3e7)) end
      end
      local seen, _, err = walk(s.contracts)
      if err then raised = raised + 1 end
      local good, message = pcall(all_once, seen, err and {} or ids_to(21000), gone)
      assert.is_true(good, string.format("seed %d, round %d: %s", seed, round, tostring(message)))
    end
    assert.is_true(raised < 2, "seed " .. seed .. ": raised every time")
  end)

  it("the loop removes what it is given: all once", function()
    local s = service(spread(21000, 60))
    local place = 1
    local seen, _, err = walk(s.contracts, {}, {}, function(contract)
      if contract.id % 150 ~= 0 then return end
      while s.items[place].id ~= contract.id do place = place % #s.items + 1 end
      s.remove(place)
    end)
    assert.is_nil(err)
    all_once(seen, ids_to(21000))
  end)

  it("a slice that grows beyond its size is cut again", function()
    local s = service(spread(21000, 60))
    local grown = false
    local seen, _, err = walk(s.contracts, {}, {}, function(_, count)
      if count ~= 3000 then return end
      grown = true
      for i = 1, 20000 do s.add(T0 + i * 60) end
    end)
    assert.is_true(grown)
    assert.is_nil(err)
    all_once(seen, ids_to(21000))
  end)

  it("an error in the middle is raised; called again, the walk goes on", function()
    local failures = 0
    local s = service(spread(21000, 60), { status = function(_, request)
      if request % 41 == 0 then
        failures = failures + 1
        return 503
      end
    end })
    local step, seen, raised = s.contracts:each({}, { retry = false }), {}, 0
    while true do
      local good, contract = pcall(step)
      if not good then
        assert.equal("server", contract.kind)
        raised = raised + 1
      elseif contract == nil then
        break
      else
        seen[contract.id] = (seen[contract.id] or 0) + 1
      end
    end
    assert.is_true(raised > 3)
    assert.equal(failures, raised)
    all_once(seen, ids_to(21000))
  end)

  describe("what cannot be guaranteed is raised:", function()
    -- The walk raises a limit, visits nothing twice, and does not ask for ever.
    local function raises(pattern, created, quirks, query)
      local s = service(created, quirks)
      local seen, count, err = walk(s.contracts, query)
      assert.is_truthy(err, "a short end after " .. count)
      assert.equal("limit", err.kind)
      assert.equal("contract.list", err.operation)
      assert.is_truthy(string.find(tostring(err), pattern), tostring(err))
      all_once(seen, {})
      assert.is_true(#s.requests < 1200, #s.requests)
      return s, count
    end

    it("the filter is ignored", function()
      raises("the service returned an item of", spread(25000, 60), { ignores = true })
      raises("ignores that filter", spread(25000, 60), { ignores = true, hidden = true })
      local s = service(spread(19950, 60), { ignores = true, hidden = true }) -- the offsets reach just so far
      local _, count, err = walk(s.contracts)
      assert.is_nil(err)
      assert.equal(19950, count)
      assert.is_true(#s.requests < 300, #s.requests)
    end)

    it("one end of the range is ignored", function()
      raises("the service returned an item of", spread(25000, 60), { read = function(_, to) return -math.huge, to end })
      raises("the service returned an item of", spread(25000, 60), { read = function(from) return from, math.huge end })
    end)

    it("the filter is about another time", function()
      raises("the service returned an item of", spread(25000, 60), {
        read = function(from, to) return from - 1e6, to - 1e6 end,
      })
    end)

    it("the filter leaves out a part: none has the one time, one lacks the other", function()
      local times = spread(25000, 60)
      local s = service(times)
      s.items[17].created = nil
      local seen, count, err = walk(s.contracts)
      assert.equal(REACH, count)
      all_once(seen, {})
      assert.is_truthy(string.find(tostring(err), "filter[created_time] leaves out a part", 1, true), tostring(err))
    end)

    it("times are read by the day, and not shown: slices of less than a day do not end it", function()
      local function day(at) return math.abs(at) < math.huge and math.floor(at / 86400) * 86400 or at end
      for _, step in ipairs { 2, 10 } do
        raises("ignores that filter", spread(25000, step), {
          hidden = true, read = function(from, to) return day(from), day(to) + 86399 end,
        })
      end
    end)

    it("cuts lose what lies about them", function()
      raises("leaves out a part", spread(25000, 60), {
        read = function(from, to) return math.ceil(from / 86400) * 86400, math.floor(to / 86400) * 86400 end,
      })
    end)

    it("no item shows its time", function()
      raises("no item showed the time", spread(25000, 60), { hidden = true })
    end)

    it("more have one second than fit; so many as fit are walked", function()
      local times = spread(4000, 60)
      for i = 4001, 25000 do times[i] = T0 + 1e6 end
      raises("narrow the filter", times)
      for i = 22001, 25000 do times[i] = nil end
      local s = service(times)
      local seen, _, err = walk(s.contracts)
      assert.is_nil(err)
      all_once(seen, ids_to(22000))
    end)

    it("the service counts nothing", function()
      local _, count = raises("narrow the filter", spread(25000, 60), { uncounted = true })
      assert.equal(REACH, count)
    end)

    it("the order is to be another", function()
      local _, count = raises("what is sorted is not walked in slices", spread(25000, 60), {}, { sort = "name" })
      assert.equal(REACH, count)
    end)

    it("the list never stops changing", function()
      local s = service(spread(25000, 60))
      local counted = 0
      s.before = function(_, query)
        if query.limit ~= "1" then return end
        counted = counted + 1
        if counted % 4 == 0 then s.add(T0 + 5) end -- within the five counts of each try
      end
      local seen, count, err = walk(s.contracts)
      assert.equal(REACH, count)
      all_once(seen, {})
      assert.is_truthy(string.find(tostring(err), "changes faster", 1, true), tostring(err))
    end)

    it("the service refuses the unconfirmed filter: its 400 passes on, where the offsets end", function()
      local s = service(spread(25000, 60), { status = function(query)
        return query["filter[created_time]"] and 400 or nil
      end })
      local seen, count, err = walk(s.contracts)
      assert.equal(REACH, count)
      all_once(seen, {})
      assert.equal("validation", err.kind)
      assert.equal(400, err.status)
      assert.equal("filter[created_time]", err.problems[1].path)
    end)
  end)

  it("25 000 published ones, 3000 of them in one second, ten made and ten deleted: none missed, none twice", function()
    local times = spread(25000, 3000)
    for i = 12001, 15000 do times[i] = times[12001] end
    local s = service(times, { published = function(_, at) return at end })
    local gone, made = {}, 0
    local seen, _, err = walk(s.contracts, {}, { prefetch = true }, function(_, count)
      if count % 2000 ~= 1000 or made == 10 then return end
      made = made + 1
      gone[s.remove(made * 1999)] = true
      s.add(made % 3 == 0 and times[12001] or made % 3 == 1 and T0 or T0 + 1e9)
    end)
    assert.is_nil(err)
    assert.equal(10, made)
    all_once(seen, ids_to(25000), gone)
    assert.equal(0, filters_used(s.requests)["filter[created_time]"])
  end)

  for _, drafts in ipairs { false, true } do
    it((drafts and "21 000 drafts" or "25 000 contracts, 21 000 of them drafts")
      .. " in the sandbox over sockets, ten made and ten deleted: none missed, none twice, in flat memory", function()
      local child = process.start(walk_sandbox, { drafts = drafts })
      for _ = 1, drafts and 10 or 12 do child:line() end
      local got = child:result()
      print(string.format("  %d visited with %d requests; memory grew by %.1f MiB at its peak, what is in use by "
        .. "%.1f MiB from the 5000th to the 20 000th", got.visits, got.requests, got.peak / 2 ^ 20, got.later / 2 ^ 20))
      assert.same({ missed = 0, twice = 0, made = 10, deleted = 10 },
        { missed = got.missed, twice = got.twice, made = got.made, deleted = got.deleted })
      assert.is_true(got.visits >= (drafts and 20990 or 24990), got.visits)
      assert.is_true(got.later < 3 * 2 ^ 20 and got.peak < 64 * 2 ^ 20) -- of both, 1 MiB is this spec's own `seen`
    end)
  end
end)
