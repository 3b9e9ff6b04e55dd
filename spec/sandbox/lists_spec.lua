-- Pages, order and filters, as raw requests to the emulator.
local core = require "oneflow.core"
local requests = require "spec.sandbox.requests"
local testing = require "oneflow.testing"

local function ids(page)
  local list = {}
  for i, item in ipairs(page.data) do list[i] = item.id end
  return list
end

describe("a list of contracts", function()
  local box, call

  local function list(query, user)
    local status, page, headers = call("GET", "/contracts", { query = query, user = user })
    return status == 200 and page or nil, status, headers, page
  end

  local function refused(query, name, assumed)
    local _, status, headers, body = list(query)
    assert.equal(400, status, query)
    assert.is_table(body.parameter_problems[name], query)
    assert.equal(assumed and "assumed" or nil, headers["x-oneflow-sandbox"], query)
  end

  before_each(function()
    box = testing.sandbox()
    call = requests.in_process(box)
  end)

  it("shows what the user may see, in the order of the ids", function()
    assert.same({ 4711, 4712, 4713, 4714 }, ids(list("")))
    assert.same({ 4711, 4713, 4714 }, ids(list("", "anna@example.com")))
    assert.same({ 4712 }, ids(list("", "sven@example.com")))
    assert.equal(1, list("", "sven@example.com").count)
  end)

  it("has lighter items than a single read", function()
    local item = list("").data[1]
    assert.is_nil(item.data_fields)
    assert.is_nil(item.product_groups)
    assert.equal("Service agreement - Example Customer AB", item._private.name)
    assert.equal(201, item._private_ownerside.template_id)
  end)

  it("comes in pages with their links", function()
    box:add_contracts(250, { state = "draft" })
    local seen, pages = {}, 0
    local query = "filter%5Bstates%5D=draft&limit=60"
    repeat
      local page = list(query)
      pages = pages + 1
      assert.equal(252, page.count)
      for _, item in ipairs(page.data) do
        assert.is_nil(seen[item.id])
        seen[item.id] = true
        seen[#seen + 1] = item.id
      end
      local href = page._links.next.href
      query = href ~= core.null and string.match(href, "^http://127.0.0.1/v1/contracts%?(.*)$")
    until not query
    assert.same({ 5, 252 }, { pages, #seen })
    local page = list("offset=100&limit=60")
    assert.truthy(string.find(page._links.previous.href, "limit=60&offset=40", 1, true))
    assert.equal(core.null, list("")._links.previous.href)
    assert.same({}, ids(list("offset=19900")))
  end)

  it("refuses limits and offsets out of range", function()
    for _, query in ipairs{ "limit=0", "limit=101", "limit=x", "limit=-1", "limit=1.5", "limit=" } do
      refused(query, "limit")
    end
    for _, query in ipairs{ "offset=-1", "offset=19901", "offset=x" } do refused(query, "offset") end
    assert.is_table(list("limit=1"))
    assert.is_table(list("limit=100&offset=19900"))
  end)

  it("sorts: empty strings first, nulls last, `-` the other way round", function()
    call("PUT", "/contracts/4712", { user = "sven@example.com", body = '{"_private":{"name":""}}' })
    assert.same({ 4712, 4714, 4711, 4713 }, ids(list("sort=name")))
    assert.same({ 4713, 4711, 4714, 4712 }, ids(list("sort=-name")))
    -- Drafts were never published: null.
    assert.same({ 4713, 4714, 4711, 4712 }, ids(list("sort=published_time")))
    assert.same({ 4714, 4713, 4711, 4712 }, ids(list("sort=-published_time")))
    assert.same({ 4712, 4711, 4714, 4713 }, ids(list("sort=state,name")))
    refused("sort=id", "sort", true)
    refused("sort=name,x", "sort", true)
  end)

  it("filters", function()
    assert.same({ 4711, 4712 }, ids(list("filter[states]=draft")))
    assert.same({ 4713, 4714 }, ids(list("filter[states]=signed,pending")))
    assert.same({}, ids(list("filter[states]=declined")))
    assert.same({ 4711 }, ids(list("filter[states]=draft", "anna@example.com")))
    assert.same({ 4712 }, ids(list("filter[name]=CHAIR")))
    assert.same({ 4714 }, ids(list("filter[query]=pia%40pilot.example")))
    assert.same({ 4714 }, ids(list("filter[published_time]=2026-01-12T10:00:00%2B00:00|")))
    assert.same({ 4714 }, ids(list("filter[published_time]=2026-01-12T11:00:00%2B0100|2026-02-01")))
    assert.same({ 4713 }, ids(list("filter[published_time]=|2026-01-12T09:59:59%2B00:00")))
    assert.same({ 4711 }, ids(list("filter[data_field_match]=org-nr:556000-0001")))
    assert.same({}, ids(list("filter[data_field_match]=org-nr:556000")))
    assert.same({ 4711 }, ids(list("filter[states]=draft&filter[name]=service")))
  end)

  it("says that the comparison of name and query is its own idea", function()
    local _, _, headers = list("filter[name]=chair")
    assert.equal("assumed", headers["x-oneflow-sandbox"])
    -- That there is a filter on this time, a page says; its name, none does.
    local page
    page, _, headers = list("filter[created_time]=2026-02-04|2026-02-05")
    assert.same({ 1, 4712, "assumed" }, { page.count, page.data[1].id, headers["x-oneflow-sandbox"] })
    _, _, headers = list("filter[states]=draft")
    assert.is_nil(headers["x-oneflow-sandbox"])
  end)

  it("refuses filters that are unknown, repeated or wrong", function()
    refused("filter[colour]=red", "filter[colour]", true)
    refused("filter[states]=draft&filter[states]=signed", "filter[states]")
    refused("filter[states]=drafts", "filter[states]", true)
    refused("filter[states]=", "filter[states]", true)
    refused("filter[published_time]=2026-01-01", "filter[published_time]")
    refused("filter[published_time]=yesterday|", "filter[published_time]")
    refused("filter[data_field_match]=org-nr", "filter[data_field_match]")
    refused("filter[data_field_match]=org-nr:" .. string.rep("1", 600), "filter[data_field_match]")
  end)
end)
