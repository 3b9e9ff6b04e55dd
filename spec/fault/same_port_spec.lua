-- Two connections of the I/O thread with the same local port: mixing them up would take unrequested bytes for an
-- answer, or give up a good connection.
local uv = require "luv"
local host = require "spec.support.host"
local process = require "spec.support.process"
local server = require "spec.support.server"
local tls = require "spec.support.tls"
local wire = require "spec.support.wire"

-- Each request gets its path for an answer; after that of /push another answer follows, which nobody asked for.
local function start(options)
  return server.start(function(s, args)
    s.serve(function(c)
      for request in function() return c:request() end do
        if request.method == "CONNECT" then
          c:write "HTTP/1.1 200 Connection established\r\n\r\n"
          if not c:tls(args.good) then return end
        else
          c:reply(200, { "content-type: application/json" }, string.match(request.target, "[^/]*$"))
          if string.find(request.target, "/push", 1, true) then
            s.await "push"
            c:reply(200, { "content-type: application/json" }, "unasked")
            s.note "pushed"
          end
        end
      end
    end)
  end, options)
end

local function free_port(address)
  local socket = uv.new_tcp()
  local good = socket:bind(address, 0)
  local port = good and socket:getsockname().port
  socket:close()
  return port
end

-- A child with two engines that calls as it is told: "1 /path" -> answer, connections made.
local function caller(args)
  local core = require "oneflow.core"
  local queue, engines = core.queue "threaded", {}
  for i, options in ipairs(args.engines) do
    options.token = "token"
    engines[i] = assert(require("spec.support.engine")(options))
  end
  for line in io.lines() do
    local which, path = string.match(line, "(%d) (%S+)")
    local engine = engines[tonumber(which)]
    local handle = engine:submit(nil, "GET", true, path, nil, 10, nil, nil, nil, false, queue)
    while not engine:wait(handle) do end
    local status, answer, _, _, connects = engine:take(handle)
    print(status and answer .. " " .. connects or answer.message)
    io.stdout:flush()
  end
  return {}
end

local library

describe("one local port:", function()
  setup(function()
    library = host.folder() .. "/same_port.so"
    host.shell("cc -Wall -Wextra -Werror -shared -fPIC -o " .. library .. " " .. host.root
      .. "/spec/support/same_port.c -ldl")
  end)
  after_each(wire.clean)

  local ways = {
    ["IPv4"] = function() return start {}, function(target) return { base_url = target.url } end end,
    ["IPv6"] = function()
      return start { host = "::1" }, function(target) return { base_url = "http://[::1]:" .. target.port .. "/v1" } end
    end,
    ["through proxies"] = function()
      return start { good = tls.certificates().good }, function(target)
        return { base_url = "https://oneflow.test:4443/v1", ca_file = tls.certificates().ca,
          proxy = "http://" .. target.address }
      end
    end,
  }
  for way, make in pairs(ways) do
    for pushed = 1, 2 do
      it("case 59: " .. way .. ", unasked bytes on the " .. (pushed == 1 and "first" or "second"), function()
        local port = free_port(way == "IPv6" and "::1" or "127.0.0.1")
        if not port then return pending "this machine has no IPv6" end
        local targets, engines = {}, {}
        for i = 1, 2 do
          local options
          targets[i], options = make()
          engines[i] = options(targets[i])
        end
        local child = process.start(caller, { engines = engines },
          { env = { LD_PRELOAD = library, SAME_PORT = string.format("%d", port) } })
        local function call(which, path)
          child:send(which .. " " .. path .. "\n")
          return child:line()
        end
        for i = 1, 2 do
          assert.equal(i == pushed and "push 1" or "plain 1", call(i, i == pushed and "/push" or "/plain"))
        end
        targets[pushed]:tell "push"
        targets[pushed]:wait "pushed"
        local other = 3 - pushed
        assert.equal("right 0", call(other, "/right"))
        assert.equal("asked 1", call(pushed, "/asked"))
        assert.equal("again 0", call(other, "/again"))
        assert.equal("again 0", call(pushed, "/again"))
        child:close_input()
        child:result()
      end)
    end
  end
end)
