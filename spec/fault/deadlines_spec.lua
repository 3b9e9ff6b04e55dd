-- Time-outs: what has arrived before counts, nothing is sent after it, and the message says which time-out it was. The
-- subject is time, so some of these specs wait, briefly.
local core = require "oneflow.core"
local engine_of = require "spec.support.engine"
local oneflow = require "oneflow"
local uv = require "luv"
local host = require "spec.support.host"
local process = require "spec.support.process"
local server = require "spec.support.server"
local tls = require "spec.support.tls"
local wire = require "spec.support.wire"

local SHORT = 0.2 * wire.slow -- a time that passes

local function seconds() return uv.hrtime() / 1e9 end

local function sleep_until(time)
  local left = time - seconds()
  if left > 0 then uv.sleep(math.ceil(left * 1000)) end
end

-- Answers contract 4711 when it is told to, everything else at once.
local function patient()
  return server.start(function(s)
    s.serve(function(c)
      for request in function() return c:request() end do
        if string.find(request.target, "/contracts/4711", 1, true) then
          s.note "asked"
          s.await "answer"
          c:good(request)
          s.note "answered"
        else
          c:good(request)
        end
      end
    end)
  end)
end

local function asked(target)
  for _, request in ipairs((target:journal())) do
    if string.find(request.target, "/contracts/4711", 1, true) then return true end
  end
  return false
end

-- A child that makes one call in one of the ways. It says when it begins.
local function one_call(args)
  local wired = require "spec.support.wire"
  local library = require "oneflow"
  local client = wired.client({ url = args.url }, { ca_file = args.ca, connect_timeout = args.connect_timeout,
    attempt_timeout = args.attempt_timeout, timeout = 20 })
  if args.warm then wired.good_call(client) end
  print "begins"
  io.stdout:flush()
  local start = require("luv").hrtime()
  local value, err
  if args.way == "gatherer" then
    local gatherer = library.gatherer {}
    gatherer:add(function() return wired.call(client, args.method) end, function(a, b) value, err = a, b end)
    gatherer:wait()
  else
    value, err = wired.call(client, args.method)
  end
  return { id = value and value.id, kind = err and err.kind, outcome = err and err.outcome, text = tostring(err),
    seconds = (require("luv").hrtime() - start) / 1e9 }
end

-- Waits until all threads of a child are in a state: "S", they wait for something; "T", they are stopped.
local function await_state(child, state)
  process.eventually("a child in state " .. state, function()
    local tasks = string.format("/proc/%d/task/", child.pid)
    local all, right = uv.fs_scandir(tasks), true
    for task in function() return uv.fs_scandir_next(all) end do -- to its end: luv frees it there
      local status = host.read(tasks .. task .. "/stat")
      right = right and status and string.find(status, ") " .. state .. " ", 1, true)
    end
    return right
  end)
end

-- Stops the process where it waits, and continues it after one of its time-outs is over.
local function stop_meanwhile(child, fn)
  local start = seconds()
  await_state(child, "S")
  child:kill "sigstop"
  await_state(child, "T")
  fn()
  sleep_until(start + 1.5 * SHORT)
  child:kill "sigcont"
  return child:result()
end

describe("deadlines:", function()
  after_each(wire.clean)

  for _, method in ipairs(wire.METHODS) do
    for _, warm in ipairs { false, true } do
      local name = method .. (warm and ", on a used connection" or "")

      it("case 63: a function that blocks the process takes nothing from another's answered " .. name, function()
        local target = patient()
        local client = wire.client(target, { attempt_timeout = SHORT, timeout = 10 * SHORT })
        if warm then assert(client:ping { as = wire.SVEN }) end
        local results, failures = oneflow.gather {
          function() return wire.call(client, method) end,
          function()
            local start = seconds()
            repeat assert(client:ping { as = wire.SVEN }) until asked(target)
            target:tell "answer"
            target:wait "answered"
            sleep_until(start + 1.5 * SHORT)
            return true
          end,
        }
        assert.equal(0, #failures, tostring(failures[1] and failures[1].err))
        assert.equal(4711, results[1].id)
        client:close()
      end)

      local way = (method == "POST") == warm and "plain call" or "gatherer"
      it("case 63: a process that was stopped finds its answer: " .. way .. ", " .. name, function()
        local target = server.start(function(s, args)
          s.serve(function(c)
            for request in function() return c:request() end do
              if request.number == args.held then
                s.note "asked"
                s.await "answer"
                c:good(request)
                s.note "answered"
              else
                c:good(request)
              end
            end
          end)
        end, { held = warm and 2 or 1 })
        local child = process.start(one_call, { url = target.url, method = method, way = way, warm = warm,
          attempt_timeout = SHORT })
        assert.equal("begins", child:line())
        target:wait "asked"
        local result = stop_meanwhile(child, function()
          target:tell "answer"
          target:wait "answered"
        end)
        assert.equal(4711, result.id, result.text)
        assert.equal(warm and 2 or 1, #target:journal())
      end)
    end
  end

  -- The process is stopped while the server's part of the handshake arrives.
  local function handshake(args)
    local target = server.start(function(s, certificates)
      s.serve(function(c)
        s.note "connected"
        s.await "shake"
        if not c:tls(certificates.good) then return s.note "given up" end
        for request in function() return c:request() end do c:good(request) end
      end)
    end, tls.certificates())
    args.url, args.ca = target.https, tls.certificates().ca
    local child = process.start(one_call, args)
    assert.equal("begins", child:line())
    target:wait "connected"
    return target, stop_meanwhile(child, function() target:tell "shake" end)
  end

  for _, way in ipairs { "plain call", "gatherer" } do
    it("case 63: and that it is connected: " .. way, function()
      local target, result = handshake { method = "POST", way = way, connect_timeout = SHORT, attempt_timeout = 10 }
      assert.equal(4711, result.id, result.text)
      assert.equal(1, #target:journal())
    end)

    it("connected only when all its time is up, it sends nothing: " .. way, function()
      local target, result = handshake { method = "GET", way = way, connect_timeout = 10, attempt_timeout = SHORT }
      assert.same({ "timeout", "not_sent" }, { result.kind, result.outcome }, result.text)
      local message = string.format("no connection within %g s", SHORT)
      assert.is_truthy(string.find(result.text, message, 1, true), result.text)
      target:wait "closed"
      assert.equal(0, #target:journal())
    end)
  end

  -- The engine's result of a call, and the time it took.
  local function failure(way, options)
    local queue = way == "threaded" and core.queue "threaded" or nil
    local engine = assert(engine_of { base_url = options.url, ca_file = tls.certificates().ca, token = wire.TOKEN,
      connect_timeout = options.connect_timeout, concurrency = options.concurrency,
      max_body = options.max_body })
    local start = seconds()
    local function submit(timeout)
      return (engine:submit(nil, "GET", false, "/contracts/4711", wire.SVEN, timeout, nil, nil, nil, false, queue))
    end
    local before = options.concurrency and submit(5)
    local handle = submit(options.timeout)
    while not engine:wait(handle) do assert.is_true(seconds() < start + 10) end
    local status, what = engine:take(handle)
    assert.is_nil(status)
    assert.equal("timeout", what.kind)
    local took = seconds() - start
    engine:close()
    if before then engine:take(before) end
    return what, took
  end

  for _, way in ipairs { "inline", "threaded" } do
    it("the error says which time was up, in seconds, and comes when it is: " .. way .. " #timing", function()
      local function check(options, message, sent, server_function)
        local target = server.start(server_function, options.args)
        if options.deaf then target:wait "deaf" end
        options.url = options.secure and target.https or target.url
        local what, took = failure(way, options)
        assert.same({ message, sent }, { what.message, what.sent })
        local time = tonumber(string.match(message, "[%d.]+"))
        assert.is_true(took >= time - 0.002 and took < time + 0.1 * wire.slow, message .. ": took " .. took)
        target:stop()
      end
      local function deaf(s) s.deaf_until "never" end
      check({ deaf = true, connect_timeout = 0.125, timeout = 5 }, "no connection within 0.125 s (connect_timeout)",
        false, deaf)
      check({ deaf = true, connect_timeout = 5, timeout = 0.15 }, "no connection within 0.15 s", false, deaf)
      local function silent(s) s.serve(function(c) c:until_closed() end) end
      check({ secure = true, connect_timeout = 0.1, timeout = 5 }, "no connection within 0.1 s (connect_timeout)",
        false, silent)
      check({ connect_timeout = 5, timeout = 0.12 }, "no answer within 0.12 s", true, silent)
      check({ connect_timeout = 5, timeout = 0.11 }, "no whole answer within 0.11 s", true, function(s)
        s.serve(function(c)
          c:request()
          c:write "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 50\r\n\r\n{"
          c:until_closed()
        end)
      end)
      check({ connect_timeout = 5, timeout = 0.13, concurrency = 1 },
        "no turn within 0.13 s: too many calls are under way", false, silent)
    end)

    it("a server that never stops sending does not hold it up: " .. way, function()
      local target = server.start(function(s)
        s.serve(function(c)
          c:request()
          c:write "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1000000000\r\n\r\n"
          while c:write(string.rep(" ", 500)) do end
        end)
      end)
      local what, took = failure(way, { url = target.url, timeout = 0.15, max_body = 2 ^ 30 })
      assert.is_true(what.sent)
      assert.is_true(took < 0.15 + 0.3 * wire.slow, "took " .. took)
    end)
  end

  local function with_names(args, env)
    local library = host.folder() .. "/names.so"
    host.shell("cc -Wall -Wextra -Werror -shared -fPIC -o " .. library .. " " .. host.root
      .. "/spec/support/names.c -ldl")
    env.LD_PRELOAD = library
    return process.start(one_call, args, { env = env }):result()
  end

  for _, way in ipairs { "plain call", "gatherer" } do
    it("case 3: a name server that hangs: " .. way, function()
      local major, minor = string.match(core.info.curl, "^(%d+)%.(%d+)")
      if tonumber(major) * 1000 + tonumber(minor) < 7087 then return pending "libcurl waits for its resolver" end
      local result = with_names({ url = "https://oneflow.test:4443/v1", way = way, method = "POST",
        connect_timeout = way == "gatherer" and 5 or 0.2, attempt_timeout = way == "gatherer" and 0.2 or 5 },
        { NAMES_SECONDS = "4" })
      assert.same({ "timeout", "not_sent" }, { result.kind, result.outcome }, result.text)
      assert.is_truthy(string.find(result.text, "no connection within 0.2 s", 1, true), result.text)
      assert.is_true(result.seconds < 0.3 * wire.slow, "took " .. result.seconds)
    end)

    it("an address that does not answer leaves time for the next: " .. way, function()
      local target = server.start(function(s, args)
        s.serve(function(c)
          if not c:tls(args.good) then return end
          for request in function() return c:request() end do c:good(request) end
        end)
      end, tls.certificates())
      local deaf = server.start(function(s) s.deaf_until "never" end,
        { host = "127.0.0.2", port = tonumber(target.port) })
      deaf:wait "deaf"
      for _, times in ipairs { { 0.6, 5 }, { 5, 0.6 } } do
        local result = with_names({ url = "https://oneflow.test:" .. target.port .. "/v1", ca = tls.certificates().ca,
          way = way, method = "POST", connect_timeout = times[1] * wire.slow, attempt_timeout = times[2] * wire.slow },
          { NAMES_ADDRESSES = "127.0.0.2 127.0.0.1" })
        assert.equal(4711, result.id, result.text)
      end
      assert.equal(2, #target:journal())
    end)
  end
end)
