-- Faults before a byte of the request leaves: the outcome is always not_sent.
local uv = require "luv"
local process = require "spec.support.process"
local server = require "spec.support.server"
local wire = require "spec.support.wire"

local function each_method(fn)
  for _, method in ipairs(wire.METHODS) do fn(method) end
end

local function serve_all(s)
  s.serve(function(c)
    for request in function() return c:request() end do c:good(request) end
  end)
end

describe("connect:", function()
  after_each(wire.clean)

  it("case 1: a refused connection is not_sent, after one attempt", function()
    each_method(function(method)
      -- a port that was ours a moment ago and that nobody listens on; later the same port serves
      local socket = uv.new_tcp()
      assert(socket:bind("127.0.0.1", 0))
      local port = socket:getsockname().port
      local client = wire.client({ url = "http://127.0.0.1:" .. port .. "/v1" })
      local value, err = wire.call(client, method)
      wire.fails("connection", "not_sent")(value, err, method)
      assert.is_nil(err.status)
      local closed = false
      socket:close(function() closed = true end)
      process.wait_until(function() return closed end)
      local target = server.start(serve_all, { port = port })
      wire.good_call(client)
      client:close()
      target:stop()
    end)
  end)

  it("case 4: a connect that is never answered ends at the connect time-out", function()
    each_method(function(method)
      local target = server.start(function(s)
        s.deaf_until("go")
        s.serve(function(c)
          for request in function() return c:request() end do c:good(request) end
        end)
      end)
      target:wait("deaf")
      local client = wire.client(target, { connect_timeout = 0.2, attempt_timeout = 5, timeout = 5 })
      local start = uv.hrtime()
      local value, err = wire.call(client, method)
      local seconds = (uv.hrtime() - start) / 1e9
      wire.fails("timeout", "not_sent")(value, err, method)
      assert.is_true(seconds > 0.15 and seconds < 1 * wire.slow, "took " .. seconds .. " s")
      target:tell("go")
      target:wait("hearing")
      wire.good_call(client)
      for _, request in ipairs((target:journal())) do assert.equal("GET", request.method) end
      client:close()
      target:stop()
    end)
  end)
end)
