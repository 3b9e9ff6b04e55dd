-- Redirects are never followed: a custom header would travel along.
local server = require "spec.support.server"
local tls = require "spec.support.tls"
local wire = require "spec.support.wire"

describe("redirects:", function()
  after_each(wire.clean)

  for _, status in ipairs { 301, 302, 303, 307, 308 } do
    it("case 22: " .. status .. " to another host is refused, named, and the other host receives nothing",
      function()
      local other = wire.healthy()
      wire.each_method(function(c, _, args)
        c:reply(args.status, { "location: " .. args.to }, "moved")
      end, { args = { status = status, to = "http://" .. other.address .. "/v1/contracts/4711?secret=1" } },
      wire.fails("redirect", "refused", function(err)
        assert.equal(status, err.status)
        assert.is_truthy(string.find(tostring(err), other.address, 1, true), tostring(err))
        assert.is_nil(string.find(tostring(err), "secret", 1, true), "the host, not the query: "
          .. tostring(err))
      end))
      local journal, accepted = other:journal()
      assert.equal(0, #journal)
      assert.equal(0, accepted)
    end)
  end

  it("case 22: from https to http, the plain server receives nothing", function()
    local other = wire.healthy()
    for _, method in ipairs(wire.METHODS) do
      local target = server.start(function(s, args)
        s.serve(function(c)
          if not c:tls(args.good) then return end
          for request in function() return c:request() end do
            if request.number == 1 then
              c:reply(307, { "location: http://" .. args.to .. "/v1/contracts/4711" }, "")
            else
              c:good(request)
            end
          end
        end)
      end, { good = tls.certificates().good, to = other.address })
      local client = wire.client({ url = target.https }, { ca_file = tls.certificates().ca })
      local value, err = wire.call(client, method)
      wire.fails("redirect", "refused")(value, err, method)
      assert.is_truthy(string.find(tostring(err), other.address, 1, true), tostring(err))
      assert.equal(1, #target:journal())
      wire.good_call(client)
    end
    assert.equal(0, select(2, other:journal()))
  end)

  it("case 22: http to elsewhere, other schemes, no Location, a bad one: redirect, refused", function()
    for _, to in ipairs {
      "http://elsewhere.example/", "https://elsewhere.example:444/x", "ftp://elsewhere.example/",
      "file:///etc/passwd",
      "//elsewhere.example/x", "/v1/contracts/1", "http://u:p@elsewhere.example/", "%%%", "",
    } do
      wire.each_method(function(c, _, args)
        c:reply(302, args.to ~= "" and { "location: " .. args.to } or {}, "")
      end, { args = { to = to } }, wire.fails("redirect", "refused", function(err)
        if string.find(to, "elsewhere.example", 1, true) then
          assert.is_truthy(string.find(tostring(err), "elsewhere.example", 1, true), tostring(err))
        end
        assert.is_nil(string.find(tostring(err), "u:p", 1, true), tostring(err))
      end))
    end
  end)

  it("case 22: 300 and 304 are redirects too, not successes", function()
    for _, status in ipairs { 300, 304 } do
      wire.each_method(function(c, _, args)
        c:write(string.format("HTTP/1.1 %d X\r\n", args.status), args.status == 304 and "\r\n"
          or "content-length: 0\r\n\r\n")
      end, { args = { status = status } }, wire.fails("redirect", "refused"))
    end
  end)
end)
