-- A connection that its peer closed must not end the process: TLS still writes to it.
local host = require "spec.support.host"
local process = require "spec.support.process"
local server = require "spec.support.server"
local tls = require "spec.support.tls"
local wire = require "spec.support.wire"

-- The connection's first request is answered, and the connection reset when told so.
local function script(s, certificates)
  s.serve(function(c)
    if not c:tls(certificates.good) then return end
    for request in function() return c:request() end do
      c:good(request)
      if request.number % 2 == 1 then
        s.await("reset " .. request.number)
        c:rst()
        return s.note "was reset"
      end
    end
  end)
end

local function child(args)
  local oneflow = require "oneflow"
  local client = assert(oneflow.client { base_url = args.url, ca_file = args.ca, token = "token", timeout = 2 })
  local sven = client:user "sven@example.com"
  assert(sven:contract(4711):get())
  print "answered"
  io.stdout:flush()
  io.read "*l"
  if args.act == "call" then sven:contract(4711):get() end
  client:close()
  return { alive = true }
end

describe("SIGPIPE:", function()
  after_each(wire.clean)

  local function preloaded()
    local library = host.folder() .. "/sigpipe.so"
    host.shell("cc -shared -fPIC -o " .. library .. " " .. host.root .. "/spec/support/sigpipe.c -ldl")
    return library
  end

  for _, act in ipairs { "call", "close" } do
    it("a " .. act .. " after the server reset a TLS connection does not end the process", function()
      local target = server.start(script, tls.certificates())
      local running = process.start(child, { url = target.https, ca = tls.certificates().ca, act = act },
        { env = { LD_PRELOAD = preloaded() } })
      assert.equal("answered", running:line())
      target:tell "reset 1"
      target:wait "was reset"
      running:send "go\n"
      assert.is_true(running:result().alive)
    end)
  end

  it("one that another thread takes in between is not waited for", function()
    local target = server.start(script, tls.certificates())
    local running = process.start(child, { url = target.https, ca = tls.certificates().ca },
      { env = { LD_PRELOAD = preloaded(), SIGPIPE_TAKEN = "1" } })
    assert.equal("answered", running:line())
    running:send "go\n"
    assert.is_true(running:result().alive)
  end)
end)
