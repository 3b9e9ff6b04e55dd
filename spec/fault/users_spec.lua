-- The right acting user on every request, and no request without one.
local oneflow = require "oneflow"
local server = require "spec.support.server"
local wire = require "spec.support.wire"

-- Every answer names the user and the contract that the request was for.
local function start()
  return server.start(function(s)
    s.serve(function(c)
      for request in function() return c:request() end do
        local id = string.match(request.target, "/contracts/(%d+)") or "1"
        c:reply(200, { "content-type: application/json" }, '{"id":' .. id .. ',"name":"'
          .. (request.headers["x-oneflow-user-email"] or "nobody") .. '","_private":{"name":"Contract ' .. id
            .. '"}}')
      end
    end)
  end)
end

describe("users:", function()
  after_each(wire.clean)

  it("case 37: two users alternate over one client, 1000 calls: each arrives as the right one", function()
    local seed = os.time()
    math.randomseed(seed)
    local target = start()
    local client = wire.client(target)
    local names = { "sven@example.com", "anna@example.com" }
    local users = { assert(client:user(names[1])), assert(client:user(names[2])) }
    local admin = assert(client:user(oneflow.ANONYMOUS_ADMIN))
    local expected = {}
    for i = 1, 1000 do
      local who, way = i % 2 + 1, math.random(6)
      local name = names[who]
      local contract, err
      if way == 1 then
        contract, err = client:contract(i):get { as = name }
      elseif way == 2 then
        contract, err = client:contract(i):publish({ subject = "s", message = "m" }, { as = name })
      elseif way == 3 then
        contract, err = users[who]:contract(i):publish { subject = "s", message = "m" }
      elseif way == 4 then
        name, contract, err = "nobody", admin:contract(i):get()
      else
        contract, err = users[who]:contract(i):get()
      end
      assert.is_truthy(contract, "seed " .. seed .. ": " .. tostring(err))
      assert.equal(i, contract.data.id, "seed " .. seed)
      assert.equal(name, contract.data.name, "seed " .. seed)
      expected[i] = name
    end
    local journal, accepted = target:journal()
    assert.equal(1000, #journal)
    for i, request in ipairs(journal) do
      assert.equal(expected[i], request.headers["x-oneflow-user-email"] or "nobody", "seed " .. seed
        .. ", call " .. i)
      assert.is_truthy(string.find(request.target, "/contracts/" .. i, 1, true))
      assert.equal(wire.TOKEN, request.headers["x-oneflow-api-token"])
    end
    assert.is_true(accepted < 20, "connections: " .. accepted)
  end)

  it("case 37: no acting user in any form raises, and nothing arrives", function()
    local target = start()
    local client = wire.client(target)
    local body = { subject = "s", message = "m" }
    local calls = {
      function(opts) return client:contract(1):get(opts) end,
      function(opts) return client:contract(1):publish(body, opts) end,
      function(opts) return client:contract(1):update({}, opts) end,
      function(opts) return client:contract(1):delete(opts) end,
      function(opts) return client.contracts:list({}, opts) end,
      function(opts) return client.contracts:list(nil, opts) end,
      function(opts) return client.contracts:create({ workspace_id = 1, template_id = 1 }, opts) end,
      function(opts) for _ in client.contracts:each({}, opts) do break end end,
      function(opts) for _ in client.contracts:pages({}, opts) do break end end,
      function(opts) return client.users:list({}, opts) end,
      function(opts) for _ in client.users:each({}, opts) do break end end,
      function(opts) return client:request("GET", "/contracts/1", {}, opts) end,
      function(opts) return client:request("POST", "/contracts/1/publish", { body = body }, opts) end,
    }
    local forms = {
      ["no options"] = function() return nil end, ["empty options"] = function() return {} end,
      ["as = nil"] = function() return { as = nil, timeout = 1 } end,
        ["as = false"] = function() return { as = false } end,
      ["as = \"\""] = function() return { as = "" } end,
        ["as = null"] = function() return { as = oneflow.null } end,
    }
    for i, call in ipairs(calls) do
      for name, form in pairs(forms) do
        local ok, message = pcall(call, form())
        assert.is_false(ok, "call " .. i .. " with " .. name)
        assert.equal("string", type(message), "call " .. i .. " with " .. name .. ": " .. tostring(message))
        assert.is_truthy(string.find(message, "as", 1, true) and string.find(message, "user", 1, true),
          message)
      end
    end
    for _, nobody in ipairs { "", false, oneflow.null } do
      assert.is_false((pcall(client.user, client, nobody)), "client:user(" .. tostring(nobody) .. ")")
    end
    assert.is_false((pcall(client.user, client)))
    local journal, accepted = target:journal()
    assert.equal(0, #journal)
    assert.equal(0, accepted)
    wire.good_call(client)
  end)

  it("what has no body says nothing of one's type", function()
    local target = start()
    local sven = assert(wire.client(target):user(wire.SVEN))
    sven:contract(4711):get()
    sven:contract(4711):delete()
    for _, method in ipairs { "POST", "PUT", "PATCH", "DELETE" } do sven:request(method, "/contracts/4711") end
    sven:contract(4711):get()
    for _, request in ipairs((target:journal())) do assert.is_nil(request.headers["content-type"], request.head) end
    sven:contract(4711):publish()
    local journal = target:journal()
    assert.equal("application/json", journal[#journal].headers["content-type"])
  end)

  it("the page's curl call and the library's call carry the same three headers, once each", function()
    local host = require "spec.support.host"
    local target = start()
    local client = wire.client(target)
    local curl = string.format("curl -sS --request GET --url %s/contracts/4711 "
      .. "--header 'accept: application/json' "
      .. "--header 'x-oneflow-api-token: %s'", target.url, wire.TOKEN)
    host.shell(curl .. " --header 'x-oneflow-user-email: " .. wire.SVEN .. "'")
    assert(client:contract(4711):get { as = wire.SVEN })
    host.shell(curl)
    assert(client:contract(4711):get { as = oneflow.ANONYMOUS_ADMIN })
    local journal = target:journal()
    assert.equal(4, #journal)
    local function count(head, name)
      local _, found = string.gsub(string.lower(head), "\r\n" .. string.gsub(name, "%-", "%%-") .. ":", "")
      return found
    end
    for i = 1, 3, 2 do
      local page, ours = journal[i], journal[i + 1]
      assert.equal(page.method, ours.method)
      assert.equal(page.target, ours.target)
      for _, name in ipairs { "accept", "x-oneflow-api-token", "x-oneflow-user-email" } do
        local expected = name == "x-oneflow-user-email" and i == 3 and 0 or 1
        assert.equal(page.headers[name], ours.headers[name], name)
        assert.equal(expected, count(page.head, name), name .. " in curl's")
        assert.equal(expected, count(ours.head, name), name .. " in ours:\n" .. ours.head)
      end
    end
    assert.equal("application/json", journal[2].headers.accept)
    assert.equal(wire.TOKEN, journal[2].headers["x-oneflow-api-token"])
    assert.equal(wire.SVEN, journal[2].headers["x-oneflow-user-email"])
    assert.is_nil(journal[4].headers["x-oneflow-user-email"])
  end)
end)
