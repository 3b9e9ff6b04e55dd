-- fork() with a live connection: each side gets its own answers, and the parent's connection stays whole.
local host = require "spec.support.host"
local process = require "spec.support.process"
local server = require "spec.support.server"
local tls = require "spec.support.tls"
local wire = require "spec.support.wire"

describe("fork:", function()
  after_each(wire.clean)

  it("case 41: a program that the script starts does not hold the connection open", function()
    local target = wire.healthy()
    local client = wire.client(target)
    wire.good_call(client)
    local program = io.popen("cat >/dev/null", "w")
    client:close()
    target:wait "closed" -- the server saw the end
    program:close()
  end)

  for _, way in ipairs { "collected", "cancelled" } do
    it("case 41: a request that is " .. way .. " in the child leaves the parent's TLS connection whole", function()
      local flag = host.folder() .. "/arrived"
      local target = server.start(function(s, args)
        s.serve(function(c)
          if not c:tls(args.good) then return end
          for request in function() return c:request() end do
            io.open(args.flag, "w"):close()
            s.await "answer"
            c:good(request)
          end
        end)
      end, { good = tls.certificates().good, flag = flag })
      local parent = process.start(function(args)
        local posix = require("spec.support.host").posix()
        local engine = require("spec.support.engine") { base_url = args.url, ca_file = args.ca, token = "token" }
        local function submit()
          return engine:submit(nil, "POST", false, "/contracts/4711/publish", "sven@example.com", 20, nil, "{}")
        end
        local function take(handle)
          while not engine:wait(handle) do end
          local status, _, _, _, connects = engine:take(handle)
          return { status or "failed", connects or 0 }
        end
        local handle = submit()
        local arrived
        repeat
          engine:poll(0.01)
          arrived = io.open(args.flag)
        until arrived
        local pid = posix.fork()
        if pid == 0 then
          if args.way == "cancelled" then engine:cancel(handle) end
          handle = nil -- luacheck: ignore
          collectgarbage()
          collectgarbage()
          posix.exit(0)
        end
        local how, code = posix.wait(pid)
        print "forked"
        io.stdout:flush()
        return { how = how, code = code, first = take(handle), second = take(submit()) }
      end, { url = target.https, ca = tls.certificates().ca, way = way, flag = flag })
      assert.equal("forked", parent:line())
      target:tell "answer"
      assert.same({ how = "exited", code = 0, first = { 200, 1 }, second = { 200, 0 } }, parent:result())
      target:stop()
    end)
  end

  for _, secure in ipairs { false, true } do
    for _, leave in ipairs { "_exit", "os.exit", "close" } do
      it("case 41: with a live " .. (secure and "TLS " or "")
        .. "connection, both sides call; the child ends with " .. leave, function()
        local target = server.start(function(s, args)
          s.serve(function(c)
            if args.good and not c:tls(args.good) then return end
            for request in function() return c:request() end do
              local id = string.match(request.target, "/contracts/(%d+)")
              c:reply(200, { "content-type: application/json" }, '{"id":' .. id .. ',"name":"'
                .. request.headers["x-oneflow-user-email"] .. '"}')
            end
          end)
        end, { good = secure and tls.certificates().good or nil })
        local result = process.start(function(args)
          local oneflow = require "oneflow"
          local posix = require("spec.support.host").posix()
          local client = assert(oneflow.client { base_url = args.url, ca_file = args.ca, token = args.token,
            timeout = 10 })
          local function calls(user, from)
            for i = from, from + 49 do
              local contract, err
              if i % 5 == 0 then
                contract, err = client:contract(i):publish({ subject = "s", message = "m" }, { as = user })
              else
                contract, err = client:contract(i):get { as = user }
              end
              if not contract then return tostring(err) end
              if contract.data.id ~= i or contract.data.name ~= user then
                return string.format("%d as %s got the answer for %s as %s", i, user, contract.data.id,
                  contract.data.name)
              end
            end
            return "right"
          end
          assert(client:contract(1):get { as = "sven@example.com" })
          local reader, writer = posix.pipe()
          local pid = posix.fork()
          if pid == 0 then
            posix.write(writer, calls("anna@example.com", 2000))
            if args.leave == "close" then client:close() end
            if args.leave == "os.exit" then os.exit(0, true) end
            posix.exit(0)
          end
          posix.close(writer)
          local parent = calls("sven@example.com", 1000)
          local child = posix.read(reader)
          local how, code = posix.wait(pid)
          local after = calls("sven@example.com", 3000)
          return { parent = parent, child = child, how = how, code = code, after = after }
        end, { url = secure and target.https or target.url, ca = tls.certificates().ca, token = wire.TOKEN,
          leave = leave }):result()
        assert.same({ parent = "right", child = "right", how = "exited", code = 0, after = "right" }, result)
        local journal = target:journal()
        assert.equal(151, #journal)
        local connections = {}
        for _, request in ipairs(journal) do
          local user = request.headers["x-oneflow-user-email"]
          connections[request.connection] = connections[request.connection] or user
          assert.equal(connections[request.connection], user, "one process a connection")
        end
        for _, request in ipairs(journal) do
          if string.find(request.headers["x-oneflow-user-email"], "sven", 1, true) then
            assert.equal(journal[1].connection, request.connection, "the parent's connection stays whole")
          end
        end
      end)
    end
  end

  it("case 41: a child keeps nothing of its parent's calls without references", function()
    local target = server.start(function(s)
      s.serve(function(c)
        for _ in function() return c:request() end do
          s.note "POST"
          c:until_closed()
        end
      end)
    end)
    local running = process.start(function(args)
      local core = require "oneflow.core"
      local posix = require("spec.support.host").posix()
      local queue = core.queue "threaded"
      local engine = require("spec.support.engine") { base_url = args.url, token = args.token, concurrency = 50,
        drain = 0 }
      collectgarbage "stop" -- until all have arrived: nobody holds them, and one that was not sent yet would be dropped
      for i = 1, 50 do
        engine:submit(nil, "POST", false, "/contracts/" .. i, "sven@example.com", 60, nil, nil, nil, false, queue)
      end
      print "submitted"
      io.stdout:flush()
      io.read "*l"
      for _ = 1, 3 do collectgarbage() end
      local before = posix.allocated()
      local reader, writer = posix.pipe()
      local pid = posix.fork()
      if pid == 0 then
        posix.write(writer, string.format("%d", before - posix.allocated()))
        posix.exit(0)
      end
      posix.close(writer)
      local less = tonumber(posix.read(reader))
      posix.wait(pid)
      return { less = less }
    end, { url = target.url, token = wire.TOKEN })
    assert.equal("submitted", running:line())
    target:wait("POST", 50)
    running:send "go\n"
    local less = running:result().less
    assert.is_true(less > 50 * 1024, less .. " bytes less than the parent")
  end)

  it("a socket that libcurl gave up while connecting is not ours any more: another file may have its number", function()
    local target = server.start(function(s)
      s.deaf_until "never"
    end)
    target:wait "deaf"
    local result = process.start(function(args)
      local oneflow = require "oneflow"
      local posix = require("spec.support.host").posix()
      local client = assert(oneflow.client { base_url = args.url, token = args.token, connect_timeout = 0.1 })
      local calls = {}
      for i = 1, 4 do
        calls[i] = function() return client:contract(i):get { as = "sven@example.com", timeout = 0.2 } end
      end
      local _, failures = oneflow.gather(calls)
      local pipes = {}
      for i = 1, 4 do pipes[i] = { posix.pipe() } end -- with the numbers that the sockets had
      local pid = posix.fork()
      if pid == 0 then
        calls[1]()
        for i = 1, 4 do posix.write(pipes[i][2], "whole") end
        posix.exit(0)
      end
      local read = {}
      for i = 1, 4 do
        posix.close(pipes[i][2])
        read[i] = posix.read(pipes[i][1])
      end
      posix.wait(pid)
      return { failures = #failures, outcome = failures[1].err.outcome, read = read }
    end, { url = target.url, token = wire.TOKEN }):result()
    assert.same({ failures = 4, outcome = "not_sent", read = { "whole", "whole", "whole", "whole" } }, result)
  end)

  it("a file that is read piece by piece is the parent's alone: the child does not read on", function()
    local target = server.start(function(s)
      s.serve(function(c)
        for _ in function() return c:request() end do
          c:reply(200, { "content-type: application/pdf" }, string.rep("0123456789abcdef", 2 ^ 16))
        end
      end)
    end)
    local result = process.start(function(args)
      local posix = require("spec.support.host").posix()
      local engine = assert(require("spec.support.engine") { base_url = args.url, token = "token" })
      local handle = engine:submit(nil, "GET", true, "/file", "sven@example.com", 20, nil, nil, nil, false, nil, nil,
        "stream")
      repeat
        engine:poll(0.01) -- until no more is taken, as nobody reads
        local done = engine:progress(handle)
      until done > 200000
      local reader, writer = posix.pipe()
      local forked = posix.fork()
      if forked == 0 then
        local pipes = {}
        for i = 1, 4 do -- with the number that the socket had
          pipes[i] = { posix.pipe() }
          posix.write(pipes[i][2], "whole")
          posix.close(pipes[i][2])
        end
        local read, pieces = {}, 0
        for _ = 1, 3 do
          if engine:read(handle) then pieces = pieces + 1 end
        end
        engine:wait(handle, 0.01)
        for i = 1, 4 do read[i] = posix.read(pipes[i][1]) end
        posix.write(writer, pieces .. " " .. table.concat(read, " "))
        posix.exit(0)
      end
      posix.close(writer)
      local child = posix.read(reader)
      posix.wait(forked)
      local length, whole = 0, true
      repeat
        local done = engine:wait(handle)
        local piece = engine:read(handle)
        while piece do
          whole = whole and string.find(piece, "^[0-9a-f]+$") and true
          length = length + #piece
          piece = engine:read(handle)
        end
      until done
      return { child = child, length = length, whole = whole, status = (engine:take(handle)) }
    end, { url = target.url }):result()
    assert.same({ child = "1 whole whole whole whole", length = 2 ^ 20, whole = true, status = 200 }, result)
  end)
end)
