-- The end of clients, gatherers, Lua states and processes with requests on the wire that must not be repeated. The
-- requests that the server received and those that are reported agree.
local host = require "spec.support.host"
local process = require "spec.support.process"
local server = require "spec.support.server"
local tls = require "spec.support.tls"
local wire = require "spec.support.wire"

-- Answers GETs at once. When `posts` POSTs have arrived there is a file, `flag`; they are answered when told so, all at
-- once or one by one.
local function start(args)
  args.flag = host.folder() .. "/arrived"
  local target = server.start(function(s, job)
    local posts = 0
    s.serve(function(c)
      if job.good and not c:tls(job.good) then return end
      for request in function() return c:request() end do
        if request.method == "POST" then
          posts = posts + 1
          if posts == job.posts then io.open(job.flag, "w"):close() end
          s.note "POST"
          s.await(job.one_by_one and "answer " .. posts or "answer")
          if job.cut then return end
        end
        local id = string.match(request.target, "/contracts/(%d+)")
        c:reply(request.method == "POST" and job.status or 200, { "content-type: application/json" }, '{"id":' .. id
          .. ',"state":"pending"}')
      end
    end)
  end, { posts = args.posts, flag = args.flag, status = args.status, cut = args.cut, one_by_one = args.one_by_one,
    good = args.secure and tls.certificates().good or nil })
  args.url, args.ca, args.token = args.secure and target.https or target.url, tls.certificates().ca, wire.TOKEN
  return target
end

-- A program that has requests on the wire, made in the way `args.way`, and then ends as `args.ending` says.
local function program(args)
  local oneflow = require "oneflow"
  if rawget(_G, "jit") then rawget(_G, "jit").off() end -- compiled code calls no debug hook
  local client = assert(oneflow.client { base_url = args.url, ca_file = args.ca, token = args.token, timeout = 20,
    drain = args.drain, concurrency = args.concurrency })
  local sven, gatherer = client:user "sven@example.com", nil -- luacheck: ignore
  local function post(id) return sven:contract(id):publish { subject = "s", message = "m" } end
  local function arrived()
    local file = io.open(args.flag)
    if file then file:close() end
    return file ~= nil
  end
  local endings = {
    ["os.exit"] = function() os.exit(0) end,
    ["os.exit, closing"] = function() os.exit(0, true) end,
    raise = function() error "the end" end,
    ["the end of the script"] = function() end,
    collection = function()
      client, sven, gatherer = nil, nil, nil -- luacheck: ignore
      for _ = 1, 3 do collectgarbage() end
      if args.fork then
        local posix = require("spec.support.host").posix()
        local pid = posix.fork()
        if pid == 0 then
          posix.alarm(20)
          local theirs = assert(oneflow.client { base_url = args.url, ca_file = args.ca, token = args.token })
          local good = theirs:contract(9):get { as = "sven@example.com" } ~= nil
          os.exit(good and 0 or 1, true)
        end
        local how, code = posix.wait(pid)
        assert(how .. code == "exited0", how .. code)
      end
      repeat
        collectgarbage()
        print "collected"
        io.stdout:flush()
      until io.read "*l" ~= "more"
    end,
  }
  local function leave() endings[args.ending]() end
  if args.way == "call" then
    debug.sethook(function()
      if arrived() then
        debug.sethook()
        error "interrupted"
      end
    end, "l")
    assert(not pcall(post, 1))
    leave()
  elseif args.way == "map" then
    oneflow.map({ 1, 2, 3 }, function(id)
      if id < 3 then return post(id) end
      repeat sven:contract(id):get() until arrived()
      leave()
    end)
  else
    gatherer = oneflow.gatherer {}
    for id = 1, args.posts + (args.more or 0) do gatherer:add(function() return post(id) end) end
    gatherer:add(function() return sven:contract(9):get() end)
    repeat gatherer:poll(0.01) until arrived()
    leave()
  end
end

local function lines(text, ending)
  local list = {}
  for target, told in string.gmatch(text, "oneflow: POST (%S+) as sven@example.com: ([^\n]*)\n") do
    if told == ending then list[#list + 1] = target end
  end
  table.sort(list)
  return list
end

local function posted(target)
  local list = {}
  for _, request in ipairs((target:journal())) do
    if request.method == "POST" then list[#list + 1] = request.target end
  end
  table.sort(list)
  return list
end

local BEFORE = "the process ends before the answer: it may have been applied"
local AFTER = "the answer came while the process ended: answered, status 200"
local NOBODY = "nobody waited for the end of the call: "

describe("ends:", function()
  after_each(wire.clean)

  for _, way in ipairs { "call", "map", "gatherer" } do
    local posts = ({ call = 1, map = 2, gatherer = 3 })[way]
    for _, ending in ipairs { "os.exit", "os.exit, closing", "raise", "the end of the script" } do
      if way ~= "map" or string.find(ending, "exit") then -- others map survives
        it("case 64: " .. way .. ", then " .. ending .. ": reported first, then waited for", function()
          local args = { way = way, ending = ending, posts = posts, secure = way == "call" }
          local target = start(args)
          local child = process.start(program, args)
          target:wait("POST", posts)
          process.wait_until(function() return #lines(child.errors, BEFORE) == posts end, "lines about calls under way")
          assert.same({}, lines(child.errors, AFTER))
          target:tell "answer"
          local code, signal, _, errors = child:wait()
          assert.equal(ending == "raise" and "1 0" or "0 0", code .. " " .. signal, errors)
          assert.same(posted(target), lines(errors, BEFORE))
          assert.same(posted(target), lines(errors, AFTER))
          assert.equal(posts, #posted(target))
          assert.equal(2 * posts, select(2, string.gsub(errors, "oneflow: ", "")), errors)
          wire.no_canary(errors, "standard error")
        end)
      end
    end
  end

  for name, case in pairs {
    ["answered, status 200"] = { "done, status 200" }, ["status 409"] = { "conflict, refused", status = 409 },
    ["connection: it may have been applied"] = { "connection, unknown", cut = true },
  } do
    it("case 64: an interrupted call, then collected with its client: its result is reported, " .. name, function()
      local args = { way = "call", ending = "collection", posts = 1, status = case.status, cut = case.cut,
        fork = not case.cut }
      local target = start(args)
      local child = process.start(program, args)
      assert.equal("collected", child:line())
      assert.equal("", child.errors)
      target:tell "answer"
      process.wait_until(function() return #child.errors > 0 end, "a line about the end")
      child:send "go\n"
      local code, signal, _, errors = child:wait()
      assert.equal("0 0", code .. " " .. signal, errors)
      assert.same(posted(target), lines(errors, NOBODY .. name))
      assert.equal(1, select(2, string.gsub(errors, "oneflow: ", "")), errors)
    end)

    it("case 64: a gatherer, collected with its client: their results are reported later, " .. name, function()
      local args = { way = "gatherer", ending = "collection", posts = 2, status = case.status, cut = case.cut,
        fork = not case.cut }
      local target = start(args)
      local child = process.start(program, args)
      assert.equal("collected", child:line())
      assert.equal("", child.errors)
      target:tell "answer"
      local function line(id)
        return "oneflow: contract.publish as sven@example.com: " .. NOBODY .. case[1] .. " [POST /contracts/" .. id
          .. "/publish]\n"
      end
      process.eventually("lines about the end", function()
        child:send "more\n"
        assert.equal("collected", child:line())
        return #child.errors >= 2 * #line(1)
      end)
      child:send "go\n"
      local code, signal, _, errors = child:wait()
      assert.is_truthy(errors == line(1) .. line(2) or errors == line(2) .. line(1), errors)
      assert.equal("0 0", code .. " " .. signal)
      assert.equal(2, #posted(target))
    end)
  end

  it("case 64: a gatherer that is dropped: on_response gets what may have been applied, or would have been; "
    .. "its functions do not go on, and what was not sent is not sent", function()
    local args = { posts = 2 }
    local target = start(args)
    local told, gone = {}, setmetatable({}, { __mode = "k" })
    local client = wire.client(target, { concurrency = 2, timeout = 20, attempt_timeout = 20, hooks = {
      on_response = function(info) told[#told + 1] = info end,
    } })
    local sven = client:user(wire.SVEN)
    local function begin()
      local gatherer = require("oneflow").gatherer {}
      gone[gatherer] = true
      for id = 1, 4 do
        local function fn()
          local value, err = sven:contract(id):publish { subject = "s", message = "m" }
          told[#told + 1] = "went on"
          return value, err
        end
        gone[fn] = true
        gatherer:add(fn, function() told[#told + 1] = "done" end)
      end
      gatherer:add(function() return sven:contract(9):get() end, function() told[#told + 1] = "done" end)
    end
    begin()
    target:wait("POST", 2)
    process.eventually("the collection", function()
      collectgarbage()
      return next(gone) == nil
    end)
    process.eventually("the ends of what was not sent", function()
      collectgarbage()
      return #told == 2
    end)
    target:tell "answer"
    process.eventually("the ends of what was", function()
      collectgarbage()
      return #told == 4
    end)
    for i, info in ipairs(told) do
      assert.is_true(info.orphaned)
      assert.equal("contract.publish as sven@example.com", info.operation .. " as " .. info.acting_user)
      assert.equal(i <= 2 and "cancelled not_sent" or "200", info.kind and info.kind .. " " .. info.outcome
        or string.format("%d", info.status))
    end
    local paths = { "/v1" .. told[3].path, "/v1" .. told[4].path }
    table.sort(paths)
    assert.same(posted(target), paths)
    assert.equal(9, assert(sven:contract(9):get()).id)
  end)

  it("case 64: so is the look at what was a draft after it was published: in a line, which names the request, also "
    .. "when the client was closed meanwhile", function()
    local ENDS = {
      pending = "done, status 200", draft = "mismatch, unknown", closed = "cancelled, unknown",
      exit = "the process ends before the answer: it may have been applied",
    }
    for state, ending in pairs(ENDS) do
      local target = server.start(function(s, job)
        s.serve(function(c)
          for request in function() return c:request() end do
            if request.method == "GET" then
              s.note "look"
              s.await "answer"
            end
            c:reply(200, { "content-type: application/json" }, '{"id":31,"state":"'
              .. (request.method == "POST" and "draft" or job.state) .. '"}')
          end
        end)
      end, { state = state })
      local child = process.start(function(args)
        local oneflow = require "oneflow"
        local client = assert(oneflow.client { base_url = args.url, token = args.token, drain = 0 })
        local function said(what)
          print(what)
          io.stdout:flush()
          return io.read "*l"
        end
        local function publish() return client:contract(31):publish({}, { as = "sven@example.com" }) end
        local function begin()
          local gatherer = oneflow.gatherer {}
          gatherer:add(publish)
          while said "polled" == "poll" do gatherer:poll(0.01) end
        end
        begin()
        if args.state == "closed" then client:close() end
        repeat
          for _ = 1, 3 do collectgarbage() end
        until said "collected" ~= "more"
      end, { url = target.url, token = wire.TOKEN, state = state })
      process.eventually("the look", function()
        assert.equal("polled", child:line())
        child:send "poll\n"
        for _, request in ipairs((target:journal())) do if request.method == "GET" then return true end end
      end)
      assert.equal("polled", child:line())
      child:send "drop\n"
      assert.equal("collected", child:line())
      if state ~= "exit" then
        target:tell "answer"
        process.eventually("a line about its end, " .. state, function()
          child:send "more\n"
          assert.equal("collected", child:line())
          return string.find(child.errors, "\n", 1, true)
        end)
      end
      child:send "end\n"
      local code, signal, _, errors = child:wait()
      assert.equal("0 0", code .. " " .. signal, errors)
      assert.equal(state == "exit" and "oneflow: GET /v1/contracts/31 as sven@example.com: " .. ending .. "\n"
        or "oneflow: contract.publish as sven@example.com: " .. NOBODY .. ending .. " [GET /contracts/31]\n", errors)
      target:stop()
    end
  end)

  it("case 64: what was not sent yet is not sent while the process ends, and not reported", function()
    for _, ending in ipairs { "os.exit", "os.exit, closing" } do
      local args = { way = "gatherer", ending = ending, posts = 2, more = 3, concurrency = 2, one_by_one = true }
      local target = start(args)
      local child = process.start(program, args)
      process.wait_until(function() return #lines(child.errors, BEFORE) == 2 end, "the lines")
      target:tell "answer 1"
      process.wait_until(function() return #lines(child.errors, AFTER) == 1 end, "the first one's end")
      target:tell "answer 2"
      local _, signal, _, errors = child:wait()
      assert.equal(0, signal, errors)
      assert.equal(2, #posted(target))
      assert.equal(4, select(2, string.gsub(errors, "oneflow: ", "")), errors)
      target:stop()
    end
  end)

  it("case 64: without an answer the process ends after `drain`, which may be 0", function()
    for _, drain in ipairs { 0, 0.2 } do
      for _, way in ipairs { "call", "map", "gatherer" } do
        local args = { way = way, ending = "os.exit", posts = way == "call" and 1 or 2, drain = drain }
        local target = start(args)
        local child = process.start(program, args)
        local code, signal, _, errors = child:wait()
        assert.equal("0 0", code .. " " .. signal, errors)
        assert.equal(args.posts, #posted(target))
        assert.same(posted(target), lines(errors, BEFORE))
        assert.equal(args.posts, select(2, string.gsub(errors, "oneflow: ", "")), errors)
        target:stop()
      end
    end
    for _, drain in ipairs { -1, 61, 0 / 0, "3" } do
      assert.is_false(pcall(wire.client, { url = "http://127.0.0.1:1/v1" }, { drain = drain }))
    end
  end)

  it("case 64: an answer that arrived and was not taken is reported, too", function()
    for _, kind in ipairs { "inline", "threaded" } do
      for _, ending in ipairs { "exit", "close", "collection" } do
        local args = { posts = 1, kind = kind, ending = ending }
        local target = start(args)
        target:tell "answer"
        local _, signal, _, errors = process.start(function(job)
          local core = require "oneflow.core"
          local engine, queue = require("spec.support.engine") { base_url = job.url, token = job.token }, nil
          if job.kind == "threaded" then queue = core.queue "threaded" end
          local function submit(method)
            return engine:submit(nil, method, method == "GET", "/contracts/4711", "sven@example.com", 20, nil, nil, nil,
              false, queue)
          end
          local handles = { (submit "POST"), (submit "GET") }
          for _, handle in ipairs(handles) do
            repeat until engine:wait(handle)
          end
          if job.ending == "collection" then
            handles = nil -- luacheck: ignore
            collectgarbage()
            collectgarbage()
          end
          os.exit(0, job.ending == "close")
        end, args):wait()
        assert.equal(0, signal, errors)
        assert.same({ "/v1/contracts/4711" }, lines(errors, ending == "exit"
          and "the process ends before the answer is taken: answered, status 200" or NOBODY .. "answered, status 200"),
          errors)
        assert.equal(1, select(2, string.gsub(errors, "oneflow: ", "")), errors)
        target:stop()
      end
    end
  end)

  for _, what in ipairs { "connection", "file" } do
    it("case 64: a program that was started without standard error: no line gets into a " .. what, function()
      host.posix()
      local args = { posts = 1, what = what, folder = host.folder(), posix = host.build .. "/spec/posix.so" }
      local target = start(args)
      local child = process.start(function(job)
        local core = require "oneflow.core"
        local engine = require("spec.support.engine") { base_url = job.url, token = job.token }
        local function submit(method, fresh)
          return (engine:submit(nil, method, method == "GET", "/contracts/4711", "sven@example.com", 20, nil, nil, nil,
            fresh))
        end
        local posix = package.loadlib(job.posix, "luaopen_posix")()
        local lowest = io.open "/dev/null" -- it has the number of standard error
        local handle, into = submit "GET", nil
        repeat until engine:wait(handle) -- libcurl's own descriptors are there
        if job.what == "file" then
          posix.close(0) -- the folder's
          lowest:close()
          into = assert(core.target(job.folder .. "/file"))
        else
          lowest:close()
        end
        handle = submit("POST", job.what == "connection")
        repeat engine:poll(0.01) until io.open(job.flag)
        os.exit((into or job.what == "connection") and handle and 0, false)
      end, args, { before = "exec 2>&-" })
      target:wait "POST"
      target:tell "answer"
      local code, signal = child:wait()
      assert.equal("0 0", code .. " " .. signal)
      target:wait("closed", what == "connection" and 2 or 1)
      for _, bytes in ipairs((select(3, target:journal()))) do
        assert.is_truthy(string.find(bytes, "/v1/contracts/4711", 1, true))
        assert.is_nil(string.find(bytes, "oneflow:", 1, true), bytes)
      end
      for name in io.popen("ls -A " .. args.folder):lines() do
        assert.equal("", host.read(args.folder .. "/" .. name))
      end
    end)
  end

  it("case 64: a closed client reports to its callers only", function()
    local args = { posts = 2 }
    start(args)
    local child = process.start(function(job)
      local oneflow = require "oneflow"
      local told = {}
      for _, way in ipairs { "map", "gatherer" } do
        local client = assert(oneflow.client { base_url = job.url, token = job.token, timeout = 20 })
        local function post(id)
          local _, err = client:contract(id):publish({ subject = "s", message = "m" }, { as = "sven@example.com" })
          told[#told + 1] = err.kind .. " " .. err.outcome
        end
        local function get() return client:contract(9):get { as = "sven@example.com" } end
        local function arrived() return io.open(job.flag) end
        if way == "map" then
          oneflow.map({ 1, 2, 3 }, function(id)
            if id < 3 then return post(id) end
            repeat get() until arrived()
            client:close()
          end)
        else
          local gatherer = oneflow.gatherer {}
          for id = 1, 2 do gatherer:add(function() return post(id) end) end
          repeat gatherer:poll(0.01) until arrived()
          client:close()
          gatherer:wait()
        end
      end
      return told
    end, args)
    local told = child:result()
    assert.equal("cancelled unknown", told[1])
    assert.equal(4, #told)
    assert.equal("", child.errors)
  end)

  it("case 64: a child made by fork reports none of its parent's running calls, and the parent gets its answers",
    function()
    local function parent(job)
      local core = require "oneflow.core"
      local posix = require("spec.support.host").posix()
      local engine, queue = require("spec.support.engine") { base_url = job.url, token = job.token }, nil
      if job.kind == "threaded" then queue = core.queue "threaded" end
      local handle = engine:submit(nil, "POST", false, "/contracts/4711", "sven@example.com", 20, nil, nil, nil, false,
        queue)
      repeat engine:poll(0.01) until io.open(job.flag)
      local ended = {}
      for _, ending in ipairs { "exit", "close", "collection", "_exit", "cancelled" } do
        local pid = posix.fork()
        if pid == 0 then
          posix.alarm(20)
          if ending == "cancelled" then engine:cancel(handle) end
          if ending == "collection" or ending == "cancelled" then
            engine, handle, queue = nil, nil, nil -- luacheck: ignore
            collectgarbage()
            collectgarbage()
          end
          if ending == "_exit" then posix.exit(0) end
          os.exit(0, ending == "close")
        end
        local how, code = posix.wait(pid)
        ended[#ended + 1] = how .. " " .. code
      end
      print "forked"
      io.stdout:flush()
      repeat until engine:wait(handle)
      return { ended = table.concat(ended, ", "), status = engine:take(handle) }
    end
    for _, kind in ipairs { "inline", "threaded" } do
      local args = { posts = 1, kind = kind }
      local target = start(args)
      local child = process.start(parent, args)
      assert.equal("forked", child:line())
      target:tell "answer"
      assert.same({ ended = "exited 0, exited 0, exited 0, exited 0, exited 0", status = 200 }, child:result())
      assert.equal("", child.errors)
      target:stop()
    end
  end)
end)
