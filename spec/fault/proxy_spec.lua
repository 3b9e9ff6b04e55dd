-- Proxies: none unless given; what a proxy sees of a call is a host name and a port.
local host = require "spec.support.host"
local process = require "spec.support.process"
local server = require "spec.support.server"
local tls = require "spec.support.tls"
local wire = require "spec.support.wire"

-- A proxy that answers CONNECT and then is the TLS server itself; plain requests are answered too.
local function proxy()
  return server.start(function(s, args)
    s.serve(function(c)
      local request = c:request()
      if not request then return end
      if request.method == "CONNECT" then
        c:write("HTTP/1.1 200 Connection established\r\n\r\n")
        if not c:tls(args.good) then return end
        request = c:request()
      end
      while request do
        c:good(request)
        request = c:request()
      end
    end)
  end, { good = tls.certificates().good })
end

local VARIABLES = { "http_proxy", "https_proxy", "HTTPS_PROXY", "HTTP_PROXY", "all_proxy", "ALL_PROXY" }

-- GET and POST in a process of its own with proxy variables -> list of { ok =, kind =, outcome = }.
local function calls(options, address)
  local env = { no_proxy = false, NO_PROXY = false }
  for _, name in ipairs(VARIABLES) do env[name] = address and "http://" .. address or false end
  return process.start(function(args)
    local w = require "spec.support.wire"
    local client = w.client({ url = args.base_url }, args)
    local results = {}
    for i, method in ipairs(w.METHODS) do
      local value, err = w.call(client, method)
      results[i] = { ok = value and true or false, kind = err and err.kind, outcome = err and err.outcome,
        text = tostring(err) }
    end
    client:close()
    return results
  end, options, { env = env }):result()
end

describe("proxy:", function()
  after_each(wire.clean)

  local function beyond() return { base_url = "https://oneflow.test:4443/v1",
    ca_file = tls.certificates().ca } end

  it("case 36: proxy variables are ignored", function()
    local middle = proxy()
    for _, result in ipairs(calls(beyond(), middle.address)) do
      assert.is_false(result.ok)
      assert.equal("not_sent", result.outcome, result.text) -- oneflow.test resolves nowhere
    end
    local _, accepted = middle:journal()
    assert.equal(0, accepted)
  end)

  local function obeyed(middle, results)
    for _, result in ipairs(results) do assert.is_true(result.ok, result.text) end
    local journal, _, bytes = middle:journal()
    assert.equal("CONNECT oneflow.test:4443 HTTP/1.1", string.match(journal[1].head, "^[^\r]+"))
    assert.is_nil(string.find(journal[1].head, "[Xx]%-[Oo]neflow%-"), "credentials for the proxy: "
      .. journal[1].head)
    assert.equal("oneflow-lua/" .. require "oneflow.version", journal[1].headers["user-agent"])
    assert.equal("GET", journal[2].method)
    assert.equal(wire.TOKEN, journal[2].headers["x-oneflow-api-token"])
    assert.equal("POST", journal[#journal].method)
    for _, seen in pairs(bytes) do
      assert.is_nil(string.find(string.match(seen, "^(.-)\r\n\r\n"), wire.TOKEN, 1, true))
    end
  end

  it("case 36: proxy = \"env\" obeys them", function()
    local middle = proxy()
    local options = beyond()
    options.proxy = "env"
    obeyed(middle, calls(options, middle.address))
  end)

  it("case 36: a proxy that is given is used, whatever the environment says", function()
    local middle, other = proxy(), proxy()
    local options = beyond()
    options.proxy = "http://" .. middle.address
    obeyed(middle, calls(options, other.address))
    assert.equal(0, select(2, other:journal()))
  end)

  it("case 36: loopback is never proxied", function()
    for _, setting in ipairs { "env", "given" } do
      local middle = proxy()
      local target = wire.healthy()
      for _, name in ipairs { "127.0.0.1", "localhost" } do
        for _, result in ipairs(calls({
          base_url = "http://" .. name .. ":" .. target.port .. "/v1",
          proxy = setting == "env" and "env" or "http://" .. middle.address,
        }, middle.address)) do
          assert.is_true(result.ok, result.text)
        end
      end
      assert.equal(4, #target:journal())
      assert.equal(0, select(2, middle:journal()))
      middle:stop()
      target:stop()
    end
  end)

  it("case 36: a proxy that refuses is an error, not_sent, without the token", function()
    for _, status in ipairs { 407, 403, 502 } do
      local middle = server.start(function(s, args)
        s.serve(function(c)
          for _ in function() return c:request() end do c:reply(args.status, {}, "no") end
        end)
      end, { status = status })
      local options = beyond()
      options.proxy = "http://" .. middle.address
      for _, result in ipairs(calls(options)) do
        assert.is_false(result.ok)
        assert.equal("not_sent", result.outcome, result.text)
        assert.equal("connection", result.kind, result.text)
      end
      local _, _, bytes = middle:journal()
      for _, seen in pairs(bytes) do assert.is_nil(string.find(seen, wire.TOKEN, 1, true)) end
      middle:stop()
    end
  end)

  it("case 36: .netrc and .curlrc are not read", function()
    local home = host.folder()
    host.write(home .. "/.netrc", "default login sven password secret\n")
    host.write(home .. "/.curlrc", "proxy = 127.0.0.1:1\n")
    host.shell("chmod 600 " .. home .. "/.netrc")
    local target = wire.healthy()
    process.start(function(args)
      local w = require "spec.support.wire"
      w.good_call(w.client(args))
    end, { url = target.url }, { env = { HOME = home } }):result()
    assert.is_nil(target:journal()[1].headers.authorization)
  end)
end)
