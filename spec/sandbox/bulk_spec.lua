-- A sandbox with very many contracts: each page is quick, memory is modest, lists beyond the last offset are reached by
-- the time of creation.
local core = require "oneflow.core"
local process = require "spec.support.process"
local requests = require "spec.sandbox.requests"
local testing = require "oneflow.testing"

local DRAFTS, MANY, OTHERS = 21000, 3000, 1000

local function fill(box)
  box:add_contracts(DRAFTS, { created_from = "2020-01-01T00:00:00+00:00", created_to = "2022-01-01T00:00:00+00:00" })
  box:add_contracts(MANY, { state = "pending", published_from = "2022-06-30T07:15:23+00:00" })
  box:add_contracts(OTHERS, {
    state = "signed", created_from = "2022-07-01T00:00:00+00:00",
    published_from = "2022-08-01T00:00:00+00:00", published_to = "2022-09-01T00:00:00+00:00",
  })
end

describe("25 000 contracts", function()
  it("are spread over the times that are said", function()
    local box = testing.sandbox()
    fill(box)
    local call = requests.in_process(box)
    local function count(query) return select(2, call("GET", "/contracts", { query = query .. "&limit=1" })).count end
    assert.equal(DRAFTS + MANY + OTHERS + 4, count "")
    assert.equal(DRAFTS + 2, count "filter[states]=draft")
    local second = "2022-06-30T07:15:23%2B00:00"
    assert.equal(MANY, count("filter[published_time]=" .. second .. "|" .. second))
    assert.equal(OTHERS, count "filter[published_time]=2022-08-01|2022-09-01")
    assert.equal(DRAFTS, count "filter[created_time]=2020-01-01|2022-01-01")
    local half = count "filter[created_time]=2020-01-01|2021-01-01"
    assert.is_true(half > 10000 and half < 11000, half)
    assert.equal(0, count "filter[published_time]=2023-01-01|2023-02-01")
    assert.has_error(function() box:add_contracts(1, { published_from = second }) end)
  end)

  -- How a caller gets beyond offset 19900: by slices of time, each walked by the page.
  it("are walked whole, each once, in memory that does not grow", function()
    local box = testing.sandbox()
    fill(box)
    local call = requests.in_process(box)
    local seen, visited, pages = {}, 0, 0
    local function walk(range)
      local offset = 0
      while true do
        local _, page = call("GET", "/contracts", {
          query = string.format("filter[states]=draft&filter[created_time]=%s&limit=100&offset=%d", range, offset),
        })
        pages = pages + 1
        for _, item in ipairs(page.data) do
          assert.is_nil(seen[item.id])
          seen[item.id], visited = true, visited + 1
        end
        if page._links.next.href == core.null then return end
        offset = offset + 100
      end
    end
    collectgarbage()
    local before = collectgarbage "count"
    for _, range in ipairs{ "|2020-12-31T23:59:59%2B00:00", "2021-01-01T00:00:00%2B00:00|" } do walk(range) end
    seen = nil
    collectgarbage()
    collectgarbage()
    local grown = collectgarbage "count" - before
    assert.equal(DRAFTS + 2, visited)
    assert.is_true(pages >= 211, pages)
    -- Of some 45 MiB of answers: an entry a request in the journal, and the lists, which hold references only.
    assert.is_true(grown < 4096, "grown by " .. grown .. " KiB")
  end)

  it("are answered by the page in milliseconds, also sorted, also while they change #timing", function()
    local box = testing.sandbox()
    fill(box)
    local call = requests.in_process(box)
    local function seconds(times, act)
      local start = os.clock()
      for i = 1, times do act(i) end
      return (os.clock() - start) / times
    end
    local query = "filter[states]=draft&sort=-name&limit=100&offset="
    call("GET", "/contracts", { query = query .. "0" })
    local function turn(i) call("GET", "/contracts", { query = query .. string.format("%d", i * 100) }) end
    local still = seconds(20, turn)
    assert.is_true(still < 0.05, still)
    local changing = seconds(5, function(i)
      call("PUT", "/contracts/4711", { user = "anna@example.com", body = '{"_private":{"name":"x"}}' })
      turn(i)
    end)
    assert.is_true(changing < 1, changing)
  end)

  it("are not in a list any more once they are deleted, published, or hidden", function()
    local box = testing.sandbox()
    local call = requests.in_process(box)
    local ids = box:add_contracts(300)
    local query = "filter[states]=draft&limit=1"
    local function count(user) return select(2, call("GET", "/contracts", { query = query, user = user })).count end
    assert.same({ 302, 301 }, { count(), count "anna@example.com" })
    for i = 1, 200 do
      call("DELETE", string.format("/contracts/%d", ids[i]), { user = "anna@example.com" })
      assert.equal(302 - i, count())
    end
    call("POST", string.format("/contracts/%d/publish", ids[201]), { user = "anna@example.com" })
    assert.equal(101, count())
    box:set_role("anna@example.com", 101, "none")
    assert.equal(0, count "anna@example.com")
    local _, page = call("GET", "/contracts", { query = "filter[states]=draft" })
    assert.equal(101, page.count)
  end)

  it("fit into a sandbox in nginx", function()
    local box = testing.server()
    fill(box)
    local call = requests.over_http(box)
    local status, page = call("GET", "/contracts", { query = "filter%5Bstates%5D=draft&sort=-name&offset=19900" })
    assert.same({ 200, DRAFTS + 2, 100 }, { status, page.count, #page.data })
    assert.equal(core.null, page._links.next.href) -- there is no offset beyond
    assert.equal(200, (call("GET", "/contracts", { query = "filter%5Bstates%5D=draft&offset=19900&limit=1" })))
    box:stop()
    process.clean()
  end)
end)
