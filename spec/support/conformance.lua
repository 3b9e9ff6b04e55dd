-- The cases that every host must pass: the same calls, the same errors. They are in one file, and run in each host
-- against a sandbox of its own; see spec/host/conformance_spec.lua.
--
--   require "spec.support.conformance" (env) -> list of { name, function }
--   env: base_url, token, workspace, template (ids to create contracts with)
--
-- The functions raise on failure. They may run in any order, and concurrently.

local function equal(expected, got, what)
  if expected ~= got then
    error(string.format("%s: expected %s, got %s", what or "value", tostring(expected), tostring(got)), 2)
  end
end

local function refused(err, kind, status, outcome)
  if type(err) ~= "table" then error("an error object expected, got " .. tostring(err), 2) end
  equal(kind, err.kind, "kind of " .. tostring(err))
  equal(status, err.status, "status of " .. tostring(err))
  equal(outcome or "refused", err.outcome, "outcome of " .. tostring(err))
end

local function raises(fn, part)
  local good, message = pcall(fn)
  if good then error("a raise expected", 2) end
  if type(message) ~= "string" or not string.find(message, part, 1, true) then
    error("a raise that says " .. part .. " expected, got " .. tostring(message), 2)
  end
end

return function(env)
  local oneflow = require "oneflow"
  local client = assert(oneflow.client { base_url = env.base_url, token = env.token })
  local anna, sven = assert(client:user "anna@example.com"), assert(client:user "sven@example.com")
  local integer = math.type and function(value) return math.type(value) == "integer" end
    or function(value) return value % 1 == 0 end

  local function draft(name)
    return assert(anna.contracts:create { workspace_id = env.workspace, template_id = env.template, name = name })
  end

  local cases = {}
  local function case(name, fn) cases[#cases + 1] = { name, fn } end

  case("a contract as Anna", function()
    local contract = assert(anna:contract(4711):get())
    equal(4711, contract.id)
    equal(true, integer(contract.data.id), "id is an integer")
    equal("draft", contract.state)
    equal(200, contract.meta.status)
    equal(1, contract.meta.attempts)
  end)

  case("the same as Sven is refused", function()
    local contract, err = sven:contract(4711):get()
    equal(nil, contract)
    refused(err, "not_found", 404)
    equal("sven@example.com", err.acting_user)
    equal("contract.get", err.operation)
  end)

  case("the anonymous administrator, said aloud", function()
    equal(4711, assert(client:contract(4711):get { as = oneflow.ANONYMOUS_ADMIN }).id)
  end)

  case("no acting user raises", function()
    for _, as in ipairs { false, "", oneflow.null } do
      raises(function() client:contract(4711):get { as = as } end, "no acting user")
    end
    raises(function() client:contract(4711):get() end, "no acting user")
    raises(function() anna:contract(4711):get { as = "sven@example.com" } end, "as")
  end)

  case("an inactive user", function()
    local contract, err = client:contract(4711):get { as = "inactive@example.com" }
    equal(nil, contract)
    refused(err, "authentication", 401)
  end)

  case("an unknown token", function()
    local other = assert(oneflow.client { base_url = env.base_url, token = string.rep("x", 40) })
    local pong, err = other:ping()
    equal(nil, pong)
    refused(err, "authentication", 401)
    other:close()
  end)

  case("rotation: the token function is asked once more after a 401", function()
    local asked = {}
    local other = assert(oneflow.client { base_url = env.base_url, token = function(reason)
      asked[#asked + 1] = reason
      return reason == "first" and string.rep("y", 40) or env.token
    end })
    assert(other:ping())
    assert(other:ping())
    equal("first,refused", table.concat(asked, ","))
    other:close()
  end)

  case("a page, the next page, and the end", function()
    local page = assert(anna.users:list { limit = 3 }) -- other cases add and remove contracts meanwhile
    equal(3, #page)
    local rest = assert(page:next())
    equal(page.count - 3, #rest)
    equal(false, (rest:next()))
  end)

  case("each visits all, once", function()
    local seen, count = {}, 0
    for user in anna.users:each(nil, { page_size = 2 }) do
      equal(nil, seen[user.id])
      seen[user.id], count = true, count + 1
    end
    equal(assert(anna.users:list {}).count, count)
  end)

  case("create, update, publish, and publish again", function()
    local contract = draft "Conformance"
    equal("Conformance", contract.name)
    contract = assert(contract:update { _private = { name = "Renamed" } })
    equal("Renamed", contract.name)
    local published = assert(contract:publish { subject = "s", message = "m" })
    equal("pending", published.state)
    equal("draft", contract.state, "the handle before")
    local again, err = contract:publish {}
    equal(nil, again)
    refused(err, "conflict", 409)
  end)

  case("delete", function()
    local contract = draft "To be deleted"
    equal(true, (assert(contract:delete())))
    local gone, err = contract:get()
    equal(nil, gone)
    refused(err, "not_found", 404)
  end)

  case("values are checked before anything is sent", function()
    local contract, err = anna:contract("1?x=1"):get()
    equal(nil, contract)
    refused(err, "validation", nil, "not_sent")
    contract, err = anna.contracts:create { workspace_id = env.workspace, template_id = env.template,
      name = string.rep("x", 131) }
    equal(nil, contract)
    refused(err, "validation", nil, "not_sent")
    equal("body.name", err.problems[1].path)
  end)

  case("the text instead of an object, and a free request", function()
    local text = assert(anna:contract(4711):get { decode = false })
    equal("string", type(text))
    local value, meta = anna:request("GET", "/contracts/4711")
    equal(4711, assert(value, meta).id)
    equal(200, meta.status)
  end)

  case("nobody listens", function()
    local other = assert(oneflow.client { base_url = "http://127.0.0.1:1/v1", token = env.token })
    local contract, err = other:contract(1):get { as = "anna@example.com" }
    equal(nil, contract)
    refused(err, "connection", nil, "not_sent")
    other:close()
  end)

  case("hooks are called for each attempt, without secrets", function()
    local seen = {}
    local other = assert(oneflow.client { base_url = env.base_url, token = env.token, hooks = {
      on_request = function(info) seen[#seen + 1] = info.operation .. " " .. info.acting_user end,
      on_response = function(info) seen[#seen + 1] = tostring(info.status) .. " " .. tostring(info.kind) end,
    } })
    local contract = other:contract(4711):get { as = "sven@example.com" }
    equal(nil, contract)
    equal("contract.get sven@example.com|404 not_found", table.concat(seen, "|"))
    other:close()
  end)

  case("a raise in on_request passes on, one in on_response goes to on_error", function()
    local armed, told = true, {}
    local other = assert(oneflow.client { base_url = env.base_url, token = env.token, hooks = {
      on_request = function() if armed then error("before", 0) end end,
      on_response = function() error("after", 0) end,
      on_error = function(problem, info) told[#told + 1] = problem .. " " .. info.raised_in end,
    } })
    local good, message = pcall(function() return other:ping() end)
    equal(false, good)
    equal("before", message)
    armed = false
    equal(true, (other:ping()))
    equal("after on_response", table.concat(told, "|"))
    other:close()
  end)

  case("a call after close raises", function()
    local other = assert(oneflow.client { base_url = env.base_url, token = env.token })
    other:close()
    raises(function() other:ping() end, "closed")
  end)

  case("a call inside a generator gives its items to the loop, and nothing else", function()
    local ids = {}
    for id in coroutine.wrap(function()
      for _, number in ipairs { 4711, 4714 } do coroutine.yield(assert(anna:contract(number):get()).id) end
    end) do ids[#ids + 1] = id end
    equal("4711 4714", table.concat(ids, " "))
  end)

  return cases
end
