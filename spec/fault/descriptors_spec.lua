-- Descriptors: none of the library's is left to a child program or held by a forked child, and none is mistaken for
-- libcurl's.
local host = require "spec.support.host"
local process = require "spec.support.process"
local server = require "spec.support.server"
local tls = require "spec.support.tls"
local wire = require "spec.support.wire"

-- Answers everything but what is held.
local function start()
  return server.start(function(s)
    s.serve(function(c)
      for request in function() return c:request() end do
        if string.find(request.target, "/held", 1, true) then return c:until_closed() end
        c:reply(200, { "content-type: application/json" }, "{}")
      end
    end)
  end)
end

local function names()
  local library = host.folder() .. "/names.so"
  host.shell("cc -Wall -Wextra -Werror -shared -fPIC -o " .. library .. " " .. host.root
    .. "/spec/support/names.c -ldl")
  return library
end

describe("descriptors:", function()
  after_each(wire.clean)

  it("a child program inherits none, whatever is under way", function()
    local target = start()
    local result = process.start(function(args)
      local core = require "oneflow.core"
      local posix = require("spec.support.host").posix()
      local seen = {}
      -- These are inherited, as their maker wants it. That they are seen shows that others would be.
      local ours = { posix.pipe() }
      local function look(when)
        local pipe = io.popen "ls -l /proc/self/fd"
        local found = {}
        for line in pipe:lines() do
          local fd, what = string.match(line, "(%d+) %-> (.+)$")
          fd = tonumber(fd)
          if fd and fd > 2 and not string.find(what, "^/proc/") and fd ~= ours[1] and fd ~= ours[2] then
            found[#found + 1] = what
          end
          if fd == ours[1] or fd == ours[2] then found.ours = (found.ours or 0) + 1 end
        end
        pipe:close()
        seen[when] = (found.ours or 0) .. " " .. table.concat(found, " ")
      end
      local function engine(url)
        return assert(core.engine { base_url = url, ca_file = args.ca, token = "token", user_agent = "spec" })
      end
      local function submit(e, path, queue, form, answer)
        return (assert(e:submit(nil, form and "POST" or "GET", true, path, "sven@example.com", 20, nil, nil, nil, false,
          queue, form, answer)))
      end
      look "before"
      local first = engine(args.url)
      look "an engine"
      local ticket = submit(first, "/a")
      while not first:wait(ticket) do end
      first:take(ticket)
      look "a call"
      local held = submit(first, "/held")
      first:poll(0.01)
      look "a call under way"
      local queue = core.queue "threaded"
      local second, number = engine(args.url), nil
      for _ = 1, 3 do number = submit(second, "/held", queue) end
      queue:fd()
      local door = core.door(args.folder)
      look "calls on the thread"
      local form = assert(core.form({}, "file", "a.pdf", "application/pdf", args.file))
      local goal = assert(core.target(args.folder .. "/goal"))
      submit(first, "/held", nil, form, nil)
      submit(first, "/held", nil, nil, goal)
      first:poll(0.01)
      look "files"
      local third = engine "https://oneflow.test:4443/v1"
      submit(third, "/name")
      third:poll(0.01)
      submit(third, "/name", queue)
      queue:wait(0.01)
      look "names looked up"
      seen.door, seen.kept = door and true, { held ~= nil, number ~= nil }
      return seen
    end, { url = target.url, folder = host.folder(), file = host.write(host.folder() .. "/file.pdf", "%PDF"),
      ca = tls.certificates().ca }, { env = { NAMES_SECONDS = "2", LD_PRELOAD = names() } }):result()
    for _, when in ipairs { "an engine", "a call", "a call under way", "calls on the thread", "files",
      "names looked up" } do
      assert.equal(result.before, result[when], when)
    end
    assert.is_truthy(string.find(result.before, "^2 "), result.before)
    assert.is_true(result.door)
  end)

  for _, way in ipairs { "inline", "threaded" } do
    it("a forked child holds none: the parent's end of a connection is its end, " .. way, function()
      local target = start()
      local running = process.start(function(args)
        local core = require "oneflow.core"
        local posix = require("spec.support.host").posix()
        local reader, writer = posix.pipe()
        local before = posix.fds()
        local queue = core.queue(args.way)
        local engine = assert(core.engine { base_url = args.url, token = "token", user_agent = "spec" })
        local function call(path)
          local ticket = engine:submit(nil, "GET", true, path, "sven@example.com", 20, nil, nil, nil, false, queue)
          return ticket, path == "/a" and (function()
            while not engine:wait(ticket) do end
            return (engine:take(ticket))
          end)()
        end
        local _, status = call "/a"
        local ticket = call "/held"
        queue:fd()
        if args.way == "threaded" then core.door(args.folder) end
        local forked = posix.fork()
        if forked == 0 then
          posix.write(writer, "child " .. posix.fds() - before .. " ")
          posix.close(writer)
          io.stdin:read "*l" -- of both processes: until its end
          posix.exit(0)
        end
        posix.close(writer)
        print(string.format("%d %s", status, posix.read(reader)))
        io.stdout:flush()
        engine:close()
        print(ticket and "closed")
        io.stdout:flush()
        posix.wait(forked)
        return {}
      end, { url = target.url, way = way, folder = host.folder() })
      assert.equal("200 child 0 ", running:line())
      assert.equal("closed", running:line())
      target:wait "closed" -- while the child lives
      running:send "\n"
      running:result()
    end)
  end
end)
