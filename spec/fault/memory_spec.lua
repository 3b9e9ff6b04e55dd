-- After close() no copy of the token is left in the process: neither in its memory nor in a core dump of it.
local host = require "spec.support.host"
local process = require "spec.support.process"
local server = require "spec.support.server"
local tls = require "spec.support.tls"
local wire = require "spec.support.wire"

describe("memory:", function()
  after_each(wire.clean)

  -- A process that made a call with a token file; `count(child, folder)` returns how often the token occurs in it.
  local function copies(secure, close, env, count)
    local target = server.start(function(s, args)
      s.serve(function(c)
        if args.good and not c:tls(args.good) then return end
        for request in function() return c:request() end do c:good(request) end
      end)
    end, { good = secure and tls.certificates().good or nil })
    local folder = host.folder()
    local path = host.write(folder .. "/token", wire.TOKEN)
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
    }, { env = env, cwd = folder })
    local line = child:line()
    if line ~= "ready" then error(tostring(line) .. child.errors) end
    assert.equal(2, #target:journal())
    assert.equal(wire.TOKEN, target:journal()[1].headers["x-oneflow-api-token"])
    local found = count(child, folder)
    target:stop()
    return found
  end

  local function in_memory(child)
    local found = host.posix().count(child.pid, wire.TOKEN)
    child:send("\n")
    child:result()
    return found
  end

  local function in_core_dump(child, folder)
    host.shell("prlimit --core=unlimited --pid " .. child.pid)
    child:kill "sigabrt"
    local _, signal = child:wait()
    assert.equal(6, signal)
    local path = string.match(host.shell("ls -d " .. folder .. "/core*"), "^[^\n]+")
    local found = 0
    local at, dump = 0, host.read(path)
    assert.equal("\127ELF", string.sub(dump, 1, 4))
    while true do
      at = string.find(dump, wire.TOKEN, at + 1, true)
      if not at then return found end
      found = found + 1
    end
  end

  for _, secure in ipairs { false, true } do
    it("a core dump holds the token before close(), and not after it" .. (secure and ", over TLS" or ""), function()
      local pattern = host.read "/proc/sys/kernel/core_pattern"
      if not string.find(pattern, "^core") or not string.find(host.shell "ulimit -H -c", "unlimited", 1, true) then
        return pending("this machine's core dumps go elsewhere, or nowhere: " .. pattern)
      end
      local env = { GLIBC_TUNABLES = "glibc.malloc.tcache_count=0:glibc.malloc.perturb=165" }
      local open = copies(secure, false, env, in_core_dump)
      local closed = copies(secure, true, env, in_core_dump)
      print(string.format("\n  copies of the token in a core dump%s: %d before close(), %d after",
        secure and " (TLS)" or "", open, closed))
      assert.is_true(open >= 1)
      assert.equal(0, closed)
    end)
  end

  for _, secure in ipairs { false, true } do
    for name, tunables in pairs {
      ["without a thread cache and with freed memory overwritten"] =
        "glibc.malloc.tcache_count=0:glibc.malloc.perturb=165",
      ["as the allocator comes"] = false,
    } do
      it("the token is gone after close(), " .. name .. (secure and ", over TLS" or ""), function()
        local env = { GLIBC_TUNABLES = tunables }
        local open, closed = copies(secure, false, env, in_memory), copies(secure, true, env, in_memory)
        print(string.format("\n  copies of the token%s, %s: %d before close(), %d after", secure and " (TLS)"
          or "", name, open, closed))
        assert.is_true(open >= 1)
        assert.equal(0, closed)
      end)
    end
  end
end)
