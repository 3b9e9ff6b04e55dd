-- The table of base URLs: what is accepted, and what is refused when the client is made.
local oneflow = require "oneflow"
local server = require "spec.support.server"
local wire = require "spec.support.wire"

local accepted = {
  "https://api.oneflow.com/v1", "https://api.oneflow.com/v1/", "https://api.oneflow.com",
  "https://api.oneflow.com/",
  "https://api.oneflow.com:8443/v1", "https://api.oneflow.com:1/v1", "https://api.oneflow.com:65535/v1",
  "https://[2001:db8::1]/v1",
  "https://[::1]:8443/v1", "https://10.0.0.1/v1", "https://localhost/v1", "HTTPS://API.ONEFLOW.COM/v1",
  "http://127.0.0.1/v1",
  "http://127.0.0.1:8080/v1/", "http://127.8.9.10/v1", "http://localhost:8080/v1", "http://LOCALHOST/v1",
  "http://[::1]:8080/v1",
  "https://api.oneflow.com/a/b/c",
}

local refused = {
  -- credentials, query, fragment
  "https://user@api.oneflow.com/v1", "https://user:pass@api.oneflow.com/v1", "https://@api.oneflow.com/v1",
  "https://:@api.oneflow.com/v1",
  "https://api.oneflow.com/v1?x=1", "https://api.oneflow.com/v1?", "https://api.oneflow.com/v1#f",
  "https://api.oneflow.com/v1#",
  -- other schemes, and none
  "file:///etc/passwd", "ftp://api.oneflow.com/v1", "gopher://api.oneflow.com", "ws://127.0.0.1",
  "unix:/tmp/x", "api.oneflow.com/v1",
  "//api.oneflow.com/v1", "/v1", "", "https:", "https://", "https:///v1", "https:api.oneflow.com/v1",
  "javascript:alert(1)", "dict://127.0.0.1",
  -- http beyond loopback, also in disguise
  "http://api.oneflow.com/v1", "http://10.0.0.1/v1", "http://127.0.0.1.example.com/v1",
  "http://localhost.example.com/v1", "http://0.0.0.0/v1",
  "http://[::2]/v1", "http://[::ffff:10.0.0.1]/v1", "http://127.0.0.1@example.com/v1",
  "http://example.com#@127.0.0.1/",
  "http://example.com\\@127.0.0.1/v1", "http://128.0.0.1/v1", "http://[::]/v1",
  -- ports
  "https://api.oneflow.com:0/v1", "https://api.oneflow.com:99999/v1", "https://api.oneflow.com:65536/v1",
  "https://api.oneflow.com:-1/v1",
  "https://api.oneflow.com:x/v1", "https://api.oneflow.com:80:80/v1", "http://127.0.0.1:0/v1",
  -- bytes
  "https://api.oneflow.com/v1\r\nx: y", "https://api.oneflow.com/ v1", " https://api.oneflow.com/v1",
  "https://api.oneflow.com/v1 ",
  "https://api.oneflow.com\0.example.com/v1", "https://api.oneflow.com\t/v1", "https://api.\195\165.com/v1",
  "https://api.oneflow.com/%2e%2e/v1",
  "https://api.oneflow.com/../v1", "https://api.oneflow.com/v1/..", "https://api.oneflow.com//v1",
  "https://[::1/v1", "https://[::g]/v1",
  "https://[fe80::1%25eth0]/v1", "https://a%2eb/v1", "https://" .. string.rep("a", 5000) .. "/v1",
}

describe("base URL:", function()
  after_each(wire.clean)

  it("case 35: those that are accepted", function()
    for _, url in ipairs(accepted) do
      local client, err = oneflow.client { base_url = url, token = wire.TOKEN }
      assert.is_truthy(client, url .. ": " .. tostring(err))
      client:close()
    end
  end)

  it("case 35: those that are refused, as validation, not_sent", function()
    for _, url in ipairs(refused) do
      local client, err = oneflow.client { base_url = url, token = wire.TOKEN }
      assert.is_nil(client, string.format("%q", url))
      wire.check_error(err)
      assert.equal("validation", err.kind, url)
      assert.equal("not_sent", err.outcome)
      assert.is_nil(string.find(tostring(err), "pass@", 1, true))
    end
  end)

  it("case 35: with or without a trailing slash the path is the same", function()
    local target = wire.healthy()
    for i, suffix in ipairs { "/v1", "/v1/", "/v1///", "", "/" } do
      local client = wire.client { url = "http://" .. target.address .. suffix }
      wire.good_call(client)
      assert.equal((i <= 3 and "/v1" or "") .. "/contracts/4711", target:journal()[i].target)
      client:close()
    end
  end)

  it("case 35: over IPv6 loopback", function()
    local uv = require "luv"
    local socket = uv.new_tcp()
    local ok = socket:bind("::1", 0)
    if not ok then return pending("this machine has no IPv6 loopback") end
    local port = socket:getsockname().port
    assert(socket:listen(8, function() end))
    local client = wire.client({ url = "http://[::1]:" .. port .. "/v1" },
      { attempt_timeout = 0.2, timeout = 0.2 })
    local value, err = wire.call(client, "GET")
    assert.is_nil(value)
    assert.equal("timeout", err.kind) -- connected, sent, and nobody answers
    assert.equal("unknown", err.outcome)
    socket:close()
  end)

  it("case 35: a page's `next` on another host, or without sense, is never followed there", function()
    for _, href in ipairs { "http://elsewhere.example/v1/contracts?offset=1", "https://127.0.0.1:1/x",
      "file:///etc/passwd", "//x/y", "" } do
      local target = server.start(function(s, args)
        s.serve(function(c)
          for request in function() return c:request() end do
            local body = s.page(request, { 1, 2 })
            if request.number == 1 then
              body = string.gsub(body, '"href":"[^"]*"', '"href":"' .. args.href .. '"')
            end
            c:reply(200, { "content-type: application/json" }, body)
          end
        end)
      end, { href = href })
      local client = wire.client(target)
      local page, err = client.contracts:list({ limit = 1 }, { as = wire.SVEN })
      local second
      if page then second, err = page:next() end
      local journal = target:journal()
      if second then
        assert.equal(2, second[1].id)
        assert.equal(2, #journal)
        assert.is_truthy(string.find(journal[2].target, "^/v1/contracts%?"), journal[2].target)
        assert.is_truthy(string.find(journal[2].target, "offset=1", 1, true), journal[2].target)
      elseif second == nil then
        wire.check_error(err)
        assert.equal(1, #journal)
      end
      target:stop()
    end
  end)
end)
