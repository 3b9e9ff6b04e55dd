-- What a request says besides its method, path and body: every header line, as it arrived.
local oneflow = require "oneflow"
local server = require "spec.support.server"
local version = require "oneflow.version"
local wire = require "spec.support.wire"

local USER_AGENT = "user-agent: oneflow-lua/" .. version

-- The lines after the first, names in lower case, sorted; without the host, which each test server has its own of.
local function lines(request)
  local found = {}
  for name, value in string.gmatch(string.match(request.head, "\r\n(.*)"), "([^:\r\n]+): *([^\r\n]*)\r\n") do
    name = string.lower(name)
    if name ~= "host" then found[#found + 1] = name .. ": " .. value end
  end
  table.sort(found)
  return found
end

describe("headers:", function()
  after_each(wire.clean)

  local function arrived(options, call)
    local target = server.start(function(s)
      s.serve(function(c)
        for _ in function() return c:request() end do c:reply(200, {}, '{"id":4711}') end
      end)
    end)
    local client = wire.client(target, options)
    assert(call(client))
    client:close()
    local journal = target:journal()
    assert.equal(1, #journal)
    return lines(journal[1])
  end

  it("of a GET", function()
    assert.same({
      "accept-encoding: gzip", "accept: application/json", USER_AGENT, "x-oneflow-api-token: " .. wire.TOKEN,
      "x-oneflow-user-email: " .. wire.SVEN,
    }, arrived(nil, function(client) return client:user(wire.SVEN):contract(4711):get() end))
  end)

  it("of a call as the administrator: no user in it", function()
    assert.same({
      "accept-encoding: gzip", "accept: application/json", USER_AGENT, "x-oneflow-api-token: " .. wire.TOKEN,
    }, arrived(nil, function(client) return client:user(oneflow.ANONYMOUS_ADMIN):contract(4711):get() end))
  end)

  it("of one with a body", function()
    assert.same({
      "accept-encoding: gzip", "accept: application/json", "content-length: 9", "content-type: application/json",
      USER_AGENT, "x-oneflow-api-token: " .. wire.TOKEN, "x-oneflow-user-email: " .. wire.SVEN,
    }, arrived(nil, function(client) return client:user(wire.SVEN):request("POST", "/x", { body = { a = "b" } }) end))
  end)

  it("of one that could have a body and has none; with a header of the caller's", function()
    assert.same({
      "accept-encoding: gzip", "accept: application/json", "content-length: 0", USER_AGENT, "x-extra: 1",
      "x-oneflow-api-token: " .. wire.TOKEN, "x-oneflow-user-email: " .. wire.SVEN,
    }, arrived(nil, function(client)
      return client:user(wire.SVEN):request("POST", "/x", { headers = { ["x-extra"] = "1" } })
    end))
  end)

  it("the program that calls is in the user agent", function()
    local got = arrived({ app = "crm/2.1" }, function(client) return client:user(wire.SVEN):contract(4711):get() end)
    assert.equal(USER_AGENT .. " crm/2.1", got[3])
  end)
end)
