-- Descriptors: child programs and forked children get none of the library's, and none is mistaken for libcurl's.
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
        return assert(require("spec.support.engine") { base_url = url, ca_file = args.ca, token = "token" })
      end
      local function submit(e, path, queue, form, answer)
        return (assert(e:submit(nil, form and "POST" or "GET", true, path, "sven@example.com", 20, nil, nil, nil, false,
          queue, form, answer)))
      end
      look "before"
      local first = engine(args.url)
      look "an engine"
      local handle = submit(first, "/a")
      while not first:wait(handle) do end
      first:take(handle)
      look "a call"
      local held = submit(first, "/held")
      first:poll(0.01)
      look "a call under way"
      local queue = core.queue "threaded"
      local second, number = engine(args.url), nil
      for _ = 1, 3 do number = submit(second, "/held", queue) end
      queue:fd()
      local socket = core.notify_socket(args.folder)
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
      seen.socket, seen.kept = socket and true, { held ~= nil, number ~= nil }
      return seen
    end, { url = target.url, folder = host.folder(), file = host.write(host.folder() .. "/file.pdf", "%PDF"),
      ca = tls.certificates().ca }, { env = { NAMES_SECONDS = "2", LD_PRELOAD = names() } }):result()
    for _, when in ipairs { "an engine", "a call", "a call under way", "calls on the thread", "files",
      "names looked up" } do
      assert.equal(result.before, result[when], when)
    end
    assert.is_truthy(string.find(result.before, "^2 "), result.before)
    assert.is_true(result.socket)
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
        local engine = assert(require("spec.support.engine") { base_url = args.url, token = "token" })
        local function call(path)
          local handle = engine:submit(nil, "GET", true, path, "sven@example.com", 20, nil, nil, nil, false, queue)
          return handle, path == "/a" and (function()
            while not engine:wait(handle) do end
            return (engine:take(handle))
          end)()
        end
        local _, status = call "/a"
        local handle = call "/held"
        queue:fd()
        if args.way == "threaded" then core.notify_socket(args.folder) end
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
        print(handle and "closed")
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

  -- Calls with `left` descriptors left, and one more when there are enough again.
  local function without_fds(args)
    local core = require "oneflow.core"
    local oneflow = require "oneflow"
    local function client_for(url)
      return assert(oneflow.client { base_url = url, ca_file = args.ca, token = args.token, timeout = 10 })
    end
    local ways = {
      plain = function(fn) return fn() end,
      gather = function(fn)
        local results, failures = oneflow.gather { fn }
        return results[1], failures[1] and failures[1].err
      end,
      gatherer = function(fn)
        local value, err
        local gatherer = oneflow.gatherer {}
        gatherer:add(fn, function(a, b) value, err = a, b end)
        gatherer:wait()
        return value, err
      end,
    }
    local call = ways[args.way]
    local first = client_for(args.plain) -- all is loaded; and the I/O thread, if it is to, runs
    local way = args.thread_runs and call or ways.gather
    assert(way(function() return first:contract(1):get { as = "sven@example.com" } end))
    local client, files = client_for(args.url), {}
    for _ = 1, 3 do collectgarbage() end -- what is collected later could free one
    repeat
      local file = io.open "/dev/null"
      files[#files + 1] = file
    until not file
    for _ = 1, args.left do table.remove(files):close() end
    local results = {}
    for i, method in ipairs { "GET", "POST" } do
      local value, err = call(function()
        if method == "GET" then return client:contract(2):get { as = "sven@example.com" } end
        return client:contract(2):publish({ subject = "s", message = "m" }, { as = "sven@example.com" })
      end)
      results[i] = { value and "done" or err.kind, err and err.outcome, tostring(err) }
    end
    for _, file in ipairs(files) do file:close() end
    local good, why = call(function() return client:contract(4711):get { as = "sven@example.com" } end)
    results.good = good and good.id or tostring(why)
    return { core.info.curl, results[1], results[2], results.good }
  end

  for name, case in pairs {
    ["a call"] = { way = "plain", left = 0 },
    ["in gather"] = { way = "gather", left = 0 },
    ["in a gatherer, without an I/O thread"] = { way = "gatherer", left = 0 },
    ["in a gatherer, one short of an I/O thread"] = { way = "gatherer", left = 1 },
    ["in a gatherer"] = { way = "gatherer", left = 0, thread_runs = true },
    ["for the look-up of a name"] = { way = "plain", left = 1, secure = true },
    ["for the certificates"] = { way = "gatherer", left = 1, secure = true, thread_runs = true, address = "127.0.0.1" },
  } do
    it("case 66: none left, " .. name .. ": the error says so, and the next call is good", function()
      local plain = wire.healthy()
      local target = server.start(function(s, args)
        s.serve(function(c)
          if args.good and not c:tls(args.good) then return end
          for request in function() return c:request() end do c:good(request) end
        end)
      end, { good = case.secure and tls.certificates().good or nil })
      local url = target.url
      if case.secure then url = "https://" .. (case.address or "oneflow.test") .. ":" .. target.port .. "/v1" end
      local result = process.start(without_fds, { way = case.way, left = case.left, thread_runs = case.thread_runs,
        plain = plain.url, url = url, ca = tls.certificates().ca, token = wire.TOKEN },
        { before = "ulimit -n 64", env = { LD_PRELOAD = names(), NAMES_ADDRESSES = "127.0.0.1" } }):result()
      for i = 2, 3 do
        assert.same({ "connection", "not_sent" }, { result[i][1], result[i][2] }, result[i][3])
        local text = result[i][3]
        assert.is_truthy(string.find(text, "too many open files in this process (EMFILE)", 1, true), text)
      end
      assert.equal(4711, result[4])
      assert.equal(1, #target:journal())
    end)
  end
end)
