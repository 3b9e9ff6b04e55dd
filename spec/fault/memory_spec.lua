-- After close() no copy of the token is left in the process: what a core dump would hold is read here.
local host = require "spec.support.host"
local process = require "spec.support.process"
local server = require "spec.support.server"
local tls = require "spec.support.tls"
local wire = require "spec.support.wire"

describe("memory:", function()
  after_each(wire.clean)

  -- How often the token stands in the memory of a process that made a call with a token file.
  local function copies(secure, close, env)
    local target = server.start(function(s, args)
      s.serve(function(c)
        if args.good and not c:tls(args.good) then return end
        for request in function() return c:request() end do c:good(request) end
      end)
    end, { good = secure and tls.certificates().good or nil })
    local path = host.write(host.folder() .. "/token", wire.TOKEN)
    host.shell("chmod 600 " .. path)
    local child = process.start(function(args)
      local oneflow = require "oneflow"
      local client = assert(oneflow.client { base_url = args.url, ca_file = args.ca, token_file = args.path,
        timeout = 5 })
      assert(client:contract(4711):get { as = args.user })
      assert(client:contract(4711):publish({ subject = "s", message = "m" }, { as = args.user }))
      if args.close then client:close() end
      io.stdout:write("ready\n")
      io.stdout:flush()
      io.read("*l")
      return { closed = args.close, client = tostring(client) }
    end, {
      url = secure and target.https or target.url, ca = tls.certificates().ca, path = path, user = wire.SVEN,
        close = close,
    }, { env = env })
    local line = child:line()
    if line ~= "ready" then error(tostring(line) .. child.errors) end
    assert.equal(2, #target:journal())
    assert.equal(wire.TOKEN, target:journal()[1].headers["x-oneflow-api-token"])
    local found = host.posix().count(child.pid, wire.TOKEN)
    child:send("\n")
    child:result()
    target:stop()
    return found
  end

  for _, secure in ipairs { false, true } do
    for name, tunables in pairs {
      ["without a thread cache and with freed memory overwritten"] =
        "glibc.malloc.tcache_count=0:glibc.malloc.perturb=165",
      ["as the allocator comes"] = false,
    } do
      it("the token is gone after close(), " .. name .. (secure and ", over TLS" or ""), function()
        local env = { GLIBC_TUNABLES = tunables }
        local open, closed = copies(secure, false, env), copies(secure, true, env)
        print(string.format("\n  copies of the token%s, %s: %d before close(), %d after", secure and " (TLS)"
          or "", name, open, closed))
        assert.is_true(open >= 1)
        assert.equal(0, closed)
      end)
    end
  end
end)
