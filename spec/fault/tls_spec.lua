-- TLS: verified always, and before a byte of the request leaves.
local host = require "spec.support.host"
local process = require "spec.support.process"
local server = require "spec.support.server"
local tls = require "spec.support.tls"
local wire = require "spec.support.wire"

-- The first connection is treated as `args.first` says, the others are good.
local function script(s, args)
  s.serve(function(c)
    local first = c.number == 1
    if first and args.first == "silent" then return c:until_closed() end
    local end_by, after = string.match(first and args.first or "", "^(%u+)(.*)$")
    if end_by == "FIN" or end_by == "RST" then
      if after ~= " at once" then c:more() end -- what the client says first
      if after == " in a record" then c:write "\22\3\3\0\122\2\0\0" end
      return c[string.lower(end_by)](c)
    end
    local certificate = args.certificates[first and args.first or "good"] or args.certificates.good
    certificate.version = first and args.first == "TLSv1_1" and args.first or nil
    if not c:tls(certificate) then return s.note("handshake failed") end
    for request in function() return c:request() end do c:good(request) end
  end)
end

local function start(first)
  return server.start(script, { first = first, certificates = tls.certificates() })
end

local function client_for(target, options)
  options = options or {}
  options.ca_file = tls.certificates().ca
  return wire.client({ url = target.https }, options)
end

local function case(first, kind, check)
  for _, method in ipairs(wire.METHODS) do
    local target = start(first)
    local client = client_for(target)
    local value, err = wire.call(client, method)
    wire.fails(kind, "not_sent", check)(value, err, method)
    local journal, _, bytes = target:journal()
    assert.equal(0, #journal, "requests that arrived")
    assert.is_nil(string.find(table.concat(bytes), wire.TOKEN, 1, true))
    wire.good_call(client)
    client:close()
    target:stop()
  end
end

describe("TLS:", function()
  after_each(wire.clean)

  it("case 5: TCP accepted and TLS silent is a time-out, not_sent", function()
    case("silent", "timeout")
  end)

  for _, name in ipairs { "self_signed", "wrong_host", "expired" } do
    it("case 6: a certificate that is " .. name .. " is refused, and the message names the CA file",
      function()
      case(name, "tls", function(err)
        assert.is_truthy(string.find(tostring(err), tls.certificates().ca, 1, true), tostring(err))
      end)
    end)
  end

  it("case 6: without ca_file the system's CA is in use, named, and refuses the specs' own", function()
    local target = start("good")
    local client = wire.client({ url = target.https })
    local value, err = wire.call(client, "GET")
    wire.fails("tls", "not_sent")(value, err, "GET")
    assert.is_truthy(string.find(tostring(err), "/", 1, true), tostring(err))
    assert.equal(0, #target:journal())
  end)

  for _, how in ipairs { "FIN", "RST", "FIN at once", "RST at once", "FIN in a record", "RST in a record" } do
    it("case 55: " .. how .. " during the handshake is connection, not_sent, retryable", function()
      case(how, "connection", function(err)
        assert.is_true(err.retryable)
        assert.is_nil(string.find(tostring(err), "CA file", 1, true), tostring(err))
      end)
    end)
  end

  -- libcurl keeps the CA file as it read it for a day.
  for _, threaded in ipairs { false, true } do
    it("a CA file that is replaced counts after a handshake that failed, " .. (threaded and "I/O thread" or "inline"),
      function()
      local target, folder = start "good", host.folder()
      local file = host.write(folder .. "/ca.pem", host.read(tls.certificates().self_signed.cert))
      local client = wire.client({ url = target.https }, { ca_file = file })
      local oneflow = require "oneflow"
      local function call()
        if not threaded then return wire.call(client, "GET") end
        local gatherer, value, err = oneflow.gatherer {}, nil, nil
        gatherer:add(function() return wire.call(client, "GET") end, function(...) value, err = ... end)
        gatherer:wait()
        return value, err
      end
      local value, err = call()
      wire.fails("tls", "not_sent")(value, err, "GET")
      host.write(file, host.read(tls.certificates().ca))
      value, err = call()
      assert.is_truthy(value, tostring(err))
      client:close()
    end)
  end

  it("case 7: a server that offers only TLS 1.1 is refused", function()
    local target = start("TLSv1_1")
    host.shell("curl -sS --tls-max 1.1 --ciphers DEFAULT@SECLEVEL=0 --cacert " .. tls.certificates().ca
      .. " " .. target.https) -- it does speak TLS 1.1
    target:stop()
    case("TLSv1_1", "tls")
  end)

  it("case 7: it is refused also where the system's settings would allow TLS 1.1", function()
    local settings = host.write(host.folder() .. "/openssl.cnf", "openssl_conf = all\n[all]\nssl_conf = ssl\n"
      .. "[ssl]\nsystem_default = any\n[any]\nMinProtocol = TLSv1\nCipherString = DEFAULT@SECLEVEL=0\n")
    local target = start("TLSv1_1")
    local ca = tls.certificates().ca
    host.shell("OPENSSL_CONF=" .. settings .. " curl -sS --tlsv1.1 --cacert " .. ca .. " " .. target.https) -- they do
    target:stop()
    target = start("TLSv1_1")
    local result = process.start(function(args)
      local w = require "spec.support.wire"
      local client = w.client({ url = args.url }, { ca_file = args.ca })
      local value, err = w.call(client, "GET")
      w.good_call(client)
      return { ok = value and true or false, kind = err and err.kind, outcome = err and err.outcome }
    end, { url = target.https, ca = ca }, { env = { OPENSSL_CONF = settings } }):result()
    assert.same({ ok = false, kind = "tls", outcome = "not_sent" }, result)
    assert.equal(1, #target:journal()) -- the good call
  end)
end)
