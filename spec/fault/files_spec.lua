-- Failures of file transfers: never a partial file under its final name, never a corrupt upload, never a credential or
-- a signed link where it does not belong.
local uv = require "luv"
local host = require "spec.support.host"
local process = require "spec.support.process"
local server = require "spec.support.server"
local tls = require "spec.support.tls"
local wire = require "spec.support.wire"

local MB = 1024 * 1024
local SECRET = "5ecretSignature"

local function names(folder)
  local list = {}
  for name in uv.fs_scandir_next, assert(uv.fs_scandir(folder)) do list[#list + 1] = name end
  table.sort(list)
  return list
end

-- A server whose answer to a file is `answer(c, request, args)`; false from it ends the connection. Its own scripts'
-- other requests get good answers.
local function scripted(answer, args)
  return server.start(function(s, job)
    local code = string.gsub(job.answer, "..", function(hex) return string.char(tonumber(hex, 16)) end)
    local reply = (loadstring or load)(code)
    s.serve(function(c)
      if job.args.good and not c:tls(job.args.good) then return end
      for request in function() return c:request() end do
        if string.find(request.target, "/contracts/4711$") then
          c:good(request)
        elseif reply(c, request, job.args, s) == false then
          return
        end
      end
    end)
  end, { answer = process.dump(answer), args = args or {} })
end

local function points_to(location)
  return scripted(function(c, _, args) c:reply(args.status or 302, { "location: " .. args.location }, "") end,
    { location = location })
end

local function file_of(target, options)
  local client = wire.client(target, options)
  return assert(client:user(wire.SVEN)):contract(4711):file(1), client
end

-- Each kind of file transfer: it must fail, leave no file, and the client must still work.
local function fails(target, kind, outcome, more)
  local file, client = file_of(target)
  local folder = host.folder()
  host.write(folder .. "/old.pdf", "old")
  for _, where in ipairs { "new.pdf", "old.pdf", "sink", "string" } do
    local received = 0
    local given = {}
    if where == "sink" then
      given.sink = function(chunk) received = received + #chunk end
    elseif where ~= "string" then
      given.to = folder .. "/" .. where
    end
    local value, err = file:download(given)
    assert.is_nil(value, where)
    local text = wire.check_error(err)
    assert.equal(kind, err.kind, where .. ": " .. text)
    assert.equal(outcome, err.outcome, where .. ": " .. text)
    assert.equal("file.download", err.operation)
    assert.is_nil(string.find(text, SECRET, 1, true), text)
    assert.same({ "old.pdf" }, names(folder), where)
    assert.equal("old", host.read(folder .. "/old.pdf"))
    if more then more(err, where, received) end
  end
  wire.good_call(client)
  client:close()
end

describe("download:", function()
  after_each(wire.clean)

  local cuts = {
    ["Content-Length longer than the body"] = function(c)
      c:write("HTTP/1.1 200 OK\r\ncontent-type: application/pdf\r\ncontent-length: 100000\r\n\r\n%PDF-1.7 and more")
      c:fin()
      return false
    end,
    ["chunked body cut"] = function(c)
      c:write("HTTP/1.1 200 OK\r\ncontent-type: application/pdf\r\ntransfer-encoding: chunked\r\n\r\n"
        .. "ff00\r\n%PDF-1.7")
      c:fin()
      return false
    end,
    ["last chunk missing"] = function(c)
      c:write("HTTP/1.1 200 OK\r\ncontent-type: application/pdf\r\ntransfer-encoding: chunked\r\n\r\n"
        .. "8\r\n%PDF-1.7\r\n")
      c:fin()
      return false
    end,
    ["reset in the middle"] = function(c)
      c:write("HTTP/1.1 200 OK\r\ncontent-type: application/pdf\r\ncontent-length: 9000000\r\n\r\n"
        .. string.rep("x", 100000))
      c:rst()
      return false
    end,
  }
  for name, cut in pairs(cuts) do
    it("case 13: " .. name .. ": connection, unknown, and no file", function()
      fails(scripted(cut), "connection", "unknown", function(err)
        assert.is_true(err.retryable)
        assert.equal(200, err.status)
      end)
      local other = scripted(cut)
      fails(points_to("http://" .. other.address .. "/k?s=" .. SECRET), "connection", "unknown", function(err)
        assert.matches("storage host " .. other.address, tostring(err), 1, true)
      end)
    end)
  end

  it("an answer without a length is refused: a cut one would look whole", function()
    local function answer(c)
      c:write("HTTP/1.1 200 OK\r\ncontent-type: application/pdf\r\n\r\n%PDF-1.7 half")
      c:fin()
      return false
    end
    fails(scripted(answer), "decode", "unknown", function(err, _, received)
      assert.matches("how long", tostring(err))
      assert.equal(0, received)
    end)
    local other = scripted(answer)
    fails(points_to("http://" .. other.address .. "/k"), "decode", "unknown")
  end)

  it("case 28: a web page, the service's JSON, and other statuses than 200 are no file", function()
    for _, case in ipairs {
      { 200, "Text/HTML; charset=utf-8", "<html>log in</html>", "text/html" },
      { 200, "application/json", '{"id":1}', "application/json" },
      { 206, "application/pdf", "%PDF", "status" },
      { 204, "application/pdf", "", "status" },
      { 200, "text/html", "", "text/html" },
    } do
      local function answer(c, _, args) c:reply(args[1], { "content-type: " .. args[2] }, args[3]) end
      fails(scripted(answer, case), "decode", "unknown", function(err, _, received)
        assert.matches(case[4], tostring(err), 1, true)
        assert.equal(0, received)
      end)
      local other = scripted(answer, case)
      fails(points_to("http://" .. other.address .. "/k?" .. SECRET), "decode", "unknown")
    end
  end)

  local empty = {
    ["content-length: 0"] = function(c) c:reply(200, { "content-type: application/pdf" }, "") end,
    ["no chunk but the last"] = function(c)
      c:write("HTTP/1.1 200 OK\r\ncontent-type: application/pdf\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n")
    end,
    ["a gzip of nothing"] = function(c)
      c:reply(200, { "content-type: application/pdf", "content-encoding: gzip" },
        "\31\139\8\0\0\0\0\0\0\3\3\0\0\0\0\0\0\0\0\0")
    end,
  }
  for name, answer in pairs(empty) do
    it("case 52: a file of no bytes (" .. name .. ") is not the file: mismatch, and no file", function()
      local function more(err, _, received)
        assert.equal(200, err.status)
        assert.is_true(err.retryable)
        assert.matches("it has no bytes", tostring(err), 1, true)
        assert.equal(0, received)
      end
      fails(scripted(answer), "mismatch", "unknown", more)
      local other = scripted(answer)
      fails(points_to("http://" .. other.address .. "/k?s=" .. SECRET), "mismatch", "unknown", more)
    end)
  end

  it("case 52: a file of no bytes from a transport in Lua is not the file either", function()
    local box = require("oneflow.testing").sandbox()
    local file = assert(box:client():user "anna@example.com"):contract(4711):file(1)
    local folder, received = host.folder(), 0
    for _, where in ipairs { { to = folder .. "/new.pdf" }, { sink = function() received = received + 1 end }, {} } do
      box:fault("file.get", { status = 200, headers = { ["content-type"] = "application/pdf" }, body = "" })
      local value, err = file:download(where)
      assert.is_nil(value)
      assert.same({ "mismatch", "unknown", 200, true }, { err.kind, err.outcome, err.status, err.retryable })
      assert.matches("it has no bytes", wire.check_error(err), 1, true)
      assert.same({ {}, 0 }, { names(folder), received })
    end
    assert.matches("^%%PDF", assert(file:download()))
  end)

  it("the service's own errors stay its own", function()
    for status, kind in pairs { [401] = "authentication", [403] = "permission", [404] = "not_found" } do
      local target = scripted(function(c, _, args)
        c:reply(args.status, { "content-type: application/json" }, '{"title":"No","error_code":4030001}')
      end, { status = status })
      fails(target, kind, "refused", function(err, _, received)
        assert.equal(status, err.status)
        assert.equal(4030001, err.code)
        assert.equal("No", err.title)
        assert.equal(0, received)
      end)
    end
    fails(scripted(function(c) c:reply(503, {}, "") end), "server", "unknown")
  end)

  it("the storage host's errors are reported as its own, without its words", function()
    for status, expect in pairs {
      [403] = { "storage", "refused", true }, [404] = { "storage", "refused", false },
      [401] = { "storage", "refused", false }, [500] = { "storage", "unknown", true },
      [503] = { "storage", "unknown", true }, [999] = { "storage", "unknown", false },
    } do
      local other = scripted(function(c, _, args)
        c:reply(args.status, { "content-type: application/xml", "x-request-id: theirs" },
          "<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>Request has expired: "
          .. args.secret .. '</Message><title>{"error_code":4030001}</title></Error>')
      end, { status = status, secret = SECRET })
      fails(points_to("http://" .. other.address .. "/k?X-Amz-Signature=" .. SECRET), expect[1], expect[2],
        function(err, _, received)
          assert.equal(status, err.status)
          assert.equal(expect[3], err.retryable)
          assert.is_nil(err.code)
          assert.is_nil(err.request_id)
          assert.equal("AccessDenied", err.detail)
          assert.matches(other.address, err.title, 1, true)
          assert.equal(0, received)
        end)
    end
  end)

  it("case 23: a second 302 is refused, and its host receives nothing", function()
    local third = scripted(function(c) c:reply(200, {}, "no") end)
    local second = points_to("http://" .. third.address .. "/k?" .. SECRET)
    fails(points_to("http://" .. second.address .. "/k?" .. SECRET), "redirect", "refused", function(err)
      assert.matches(third.address, tostring(err), 1, true)
      assert.matches(second.address, tostring(err), 1, true)
    end)
    assert.equal(0, select(2, third:journal()))
  end)

  it("case 23: plain http elsewhere, other schemes, user names, and what is no URL are refused", function()
    for location, host_name in pairs {
      ["http://storage.example/k?" .. SECRET] = "storage.example",
      ["http://user:" .. SECRET .. "@127.0.0.1/k"] = "127.0.0.1",
      ["ftp://storage.example/k?" .. SECRET] = "storage.example",
      ["file:///etc/passwd"] = "", ["//storage.example/k?" .. SECRET] = "storage.example",
      ["/v1/elsewhere?" .. SECRET] = "", ["https://"] = "", ["https://sto rage.example/"] = "",
      ["https://127.0.0.1:0/k"] = "127.0.0.1:0", ["https://127.0.0.1:99999/k"] = "127.0.0.1:99999",
      ["https://a\\b.example/k"] = "", ["https://[::1%25eth0]/k"] = "",
      ["https://h.example/" .. string.rep("x", 17000)] = "h.example",
    } do
      fails(points_to(location), "redirect", "refused", function(err)
        assert.equal(302, err.status)
        assert.matches(host_name, tostring(err), 1, true)
        assert.is_nil(string.find(tostring(err), "user:", 1, true))
      end)
    end
    fails(scripted(function(c) c:reply(302, {}, "") end), "redirect", "refused")
    for _, status in ipairs { 300, 301, 304, 308 } do
      fails(scripted(function(c, _, args) c:reply(args.status, { "location: http://127.0.0.1/k" }, "") end,
        { status = status }), "redirect", "refused")
    end
  end)

  it("from https to http on this machine is followed; the storage host that is not there is named", function()
    local other = scripted(function(c) c:reply(200, {}, "bytes") end)
    local target = scripted(function(c, _, args) c:reply(302, { "location: " .. args.location }, "") end,
      { location = "http://" .. other.address .. "/k", good = tls.certificates().good })
    local file = file_of({ url = target.https }, { ca_file = tls.certificates().ca })
    assert.equal("bytes", file:download())
    other:stop()
    fails(points_to("http://" .. other.address .. "/k?" .. SECRET), "connection", "refused", function(err)
      assert.matches("storage host " .. other.address, tostring(err), 1, true)
      assert.is_true(err.retryable)
    end)
  end)

  it("the storage host's certificate for another name is refused, and nothing is sent to it", function()
    for _, bad in ipairs { "wrong_host", "expired", "self_signed" } do
      local other = scripted(function(c) c:reply(200, {}, "bytes") end, { good = tls.certificates()[bad] })
      fails(points_to("https://localhost:" .. other.port .. "/k?" .. SECRET), "tls", "refused", nil,
        { ca_file = tls.certificates().ca })
      assert.equal(0, #other:journal())
    end
  end)

  it("a body that stalls is given up after stall_timeout; a time-out counts when it is given #timing", function()
    local function stall(c)
      c:write("HTTP/1.1 200 OK\r\ncontent-type: application/pdf\r\ncontent-length: 100000\r\n\r\n%PDF-1.7 and more")
      c:until_closed()
      return false
    end
    local target = scripted(stall)
    local file, client = file_of(target, { stall_timeout = 1 })
    local folder = host.folder()
    local value, err = file:download { to = folder .. "/a.pdf" }
    assert.is_nil(value)
    assert.equal("timeout", err.kind)
    assert.equal("unknown", err.outcome)
    for _, name in ipairs { "timeout", "attempt_timeout" } do
      value, err = file:download({ to = folder .. "/a.pdf" }, { [name] = 0.2 })
      assert.is_nil(value)
      assert.equal("timeout", err.kind)
    end
    assert.same({}, names(folder))
    wire.good_call(client)
  end)

  it("a slow one is not hurried by the client's time-outs", function()
    local target = scripted(function(c, _, _, s)
      c:write("HTTP/1.1 200 OK\r\ncontent-type: application/pdf\r\ncontent-length: 6\r\n\r\nabc")
      s.await("go on")
      c:write("def")
    end)
    local file = file_of(target, { timeout = 0.1, attempt_timeout = 0.1 })
    local clock = uv.hrtime()
    local value, err = file:download { progress = function() end, sink = function()
      while uv.hrtime() - clock < 3e8 do uv.sleep(10) end
      target:tell "go on"
    end }
    assert.is_true(value, tostring(err))
  end)

  it("case 43: a folder that is not there, a folder, a device, a link, a name too long: io or validation, not sent",
    function()
    local target = scripted(function(c) c:reply(200, {}, "bytes") end)
    local file, client = file_of(target)
    local folder = host.folder()
    host.write(folder .. "/real.pdf", "real")
    host.shell("ln -s real.pdf " .. folder .. "/link.pdf && mkfifo " .. folder .. "/pipe")
    for _, to in ipairs {
      folder, folder .. "/", folder .. "/.", folder .. "/..", folder .. "/none/a.pdf", folder .. "/real.pdf/a.pdf",
      folder .. "/link.pdf", folder .. "/pipe", "/dev/null", "/dev/full", "", folder .. "/a\0b",
      folder .. "/" .. string.rep("x", 256), "/proc/self/a.pdf",
    } do
      local value, err = file:download { to = to }
      assert.is_nil(value, to)
      wire.check_error(err)
      assert.equal("validation", err.kind, to)
      assert.equal("not_sent", err.outcome)
      assert.equal("to", err.problems[1].path)
    end
    assert.same({ "link.pdf", "pipe", "real.pdf" }, names(folder))
    assert.equal("real", host.read(folder .. "/real.pdf"))
    assert.equal(0, select(2, target:journal()))
    assert.is_truthy(uv.fs_stat("/dev/null").type == "char")
    wire.good_call(client)
  end)

  -- In a child: `before` makes the disk small.
  local function on_a_small_disk(folder, before)
    local target = scripted(function(c) c:reply(200, { "content-type: application/pdf" }, string.rep("x", 2000000)) end)
    local child = process.start(function(args)
      local oneflow = require "oneflow"
      local client = assert(oneflow.client { base_url = args.url, token = args.token })
      local user = assert(client:user(args.user))
      local value, err = user:contract(4711):file(1):download { to = args.folder .. "/a.pdf" }
      local left = {}
      for name in io.popen("ls -A " .. args.folder):lines() do left[#left + 1] = name end
      local good = user:contract(4711):get()
      return {
        value = value or "nil", kind = err and err.kind, outcome = err and err.outcome, text = tostring(err),
        left = #left, good = good and good.id, retryable = err and err.retryable,
      }
    end, { url = target.url, token = wire.TOKEN, user = wire.SVEN, folder = folder }, { before = before })
    local result = child:result()
    assert.equal("nil", result.value)
    assert.equal("io", result.kind, result.text)
    assert.equal("unknown", result.outcome)
    assert.is_false(result.retryable)
    assert.equal(0, result.left, "no file is left")
    assert.equal(4711, result.good)
    assert.matches(folder .. "/a.pdf could not be written", result.text, 1, true)
    return result.text
  end

  it("case 43: the disk is full: io, and nothing is left of it", function()
    if not pcall(host.shell, "unshare -rm true") then return pending("no name spaces here") end
    local folder = host.folder()
    local text = on_a_small_disk(folder, "exec unshare -rm /bin/sh -c 'mount -t tmpfs -o size=64k tmpfs " .. folder
      .. " && exec \"$0\" \"$@\"' \"$0\" \"$1\"")
    assert.matches("No space left on device", text, 1, true)
  end)

  it("case 43: a limit of file sizes is met: io, and nothing is left of it", function()
    local text = on_a_small_disk(host.folder(), "trap '' XFSZ; ulimit -f 128")
    assert.matches("File too large", text, 1, true)
  end)

  it("killed half-way there is no file under the final name, and an old one stays as it was", function()
    local target = scripted(function(c)
      c:write("HTTP/1.1 200 OK\r\ncontent-type: application/pdf\r\ncontent-length: 9000000\r\n\r\n"
        .. string.rep("x", 3000000))
      c:until_closed()
      return false
    end)
    for _, old in ipairs { false, true } do
      local folder = host.folder()
      if old then host.write(folder .. "/a.pdf", "old") end
      local child = process.start(function(args)
        local oneflow = require "oneflow"
        local client = assert(oneflow.client { base_url = args.url, token = args.token })
        assert(client:user(args.user)):contract(1):file(1):download {
          to = args.folder .. "/a.pdf",
          progress = function(done)
            if done >= 1000000 then
              io.write("half-way\n")
              io.flush()
            end
          end,
        }
      end, { url = target.url, token = wire.TOKEN, user = wire.SVEN, folder = folder })
      assert.equal("half-way", child:line())
      child:kill("sigkill")
      local _, signal = child:wait()
      assert.equal(9, signal)
      assert.equal(old and "old" or nil, host.read(folder .. "/a.pdf"))
      local left = names(folder)
      local temporary
      for _, name in ipairs(left) do
        if name ~= "a.pdf" then
          assert.matches("^%.a%.pdf%.oneflow%-%x+$", name)
          temporary = name
        end
      end
      assert.equal(old and 2 or 1, #left)
      assert.equal("600", string.format("%o", uv.fs_stat(folder .. "/" .. temporary).mode % 512))
    end
  end)

  it("case 62: a sink that raises stops the download: an error says what it raised, and nothing is left", function()
    local target = scripted(function(c, _, _)
      c:write("HTTP/1.1 200 OK\r\ncontent-type: application/pdf\r\ncontent-length: 9000000\r\n\r\n"
        .. string.rep("x", 1000000))
      c:until_closed()
      return false
    end)
    local file, client = file_of(target)
    local boom = setmetatable({}, { __tostring = function() return "boom\n" .. wire.TOKEN end })
    local mute = setmetatable({}, { __tostring = function() error "no" end })
    for i, case in ipairs { { boom, "the sink raised: boom ***" },
      { mute, "the sink raised: a value that does not print: table" } } do
      local calls = 0
      local value, err = file:download { sink = function()
        calls = calls + 1
        error(case[1])
      end }
      assert.is_nil(value)
      wire.check_error(err)
      assert.equal("cancelled", err.kind)
      assert.equal("unknown", err.outcome)
      assert.equal(case[2], err.detail)
      assert.equal(1, calls)
      target:wait("closed", i)
    end
    wire.good_call(client)
  end)

  it("case 62: a progress function that raises is reported once, and the file comes whole", function()
    local other = server.start(function(s)
      s.serve(function(c)
        for _ in function() return c:request() end do c:reply(200, {}, string.rep("stored", 500000)) end
      end)
    end)
    local piece = string.rep("x", 1000000)
    for _, redirected in ipairs { false, true } do
      local target = redirected and points_to("http://" .. other.address .. "/stored")
        or scripted(function(c) c:reply(200, {}, string.rep("x", 1000000)) end)
      local whole = redirected and string.rep("stored", 500000) or piece
      local problems, infos, folder = {}, {}, host.folder()
      local file, client = file_of(target, { hooks = { on_error = function(problem, info)
        problems[#problems + 1], infos[#infos + 1] = problem, info
      end } })
      local boom = {}
      local function progress() error(boom) end
      local got = {}
      for i, where in ipairs {
        { progress = progress }, { to = folder .. "/a.pdf", progress = progress },
        { sink = function(bytes) got[#got + 1] = bytes end, progress = progress },
      } do
        local value, meta = file:download(where)
        assert.is_truthy(value, tostring(meta))
        assert.equal(#whole, meta.bytes)
        assert.is_true(({ value, i == 2 and host.read(folder .. "/a.pdf"), table.concat(got) })[i] == whole)
        assert.equal(i, #problems)
        assert.equal(boom, problems[i])
        assert.equal("progress", infos[i].raised_in)
        assert.equal("file.download", infos[i].operation)
        assert.equal(200, infos[i].status)
        assert.equal(redirected and other.address or nil, infos[i].storage)
      end
      if not redirected then wire.good_call(client) end
    end
  end)

  it("a sink that returns false, or nil and why, stops it; one that returns nothing does not", function()
    local target = scripted(function(c) c:reply(200, {}, string.rep("x", 2000000)) end)
    local file, client = file_of(target)
    for why, sink in pairs {
      ["enough"] = function() return nil, "enough" end, ["the sink stopped it"] = function() return false end,
    } do
      local calls = 0
      local value, err = file:download { sink = function(...) calls = calls + 1 return sink(...) end }
      assert.is_nil(value)
      assert.equal("cancelled", err.kind)
      assert.matches(why, tostring(err), 1, true)
      assert.equal(1, calls)
      wire.good_call(client)
    end
    local shy = setmetatable({}, { __tostring = error }) -- foreign code, too, which may raise
    local stopped, because = file:download { sink = function() return nil, shy end }
    assert.is_nil(stopped)
    assert.equal("cancelled", because.kind)
    wire.good_call(client)
    -- and in its last piece
    local small = scripted(function(c) c:reply(200, {}, "small") end)
    local value, err = file_of(small):download { sink = function() return false end }
    assert.is_nil(value)
    assert.equal("cancelled", err.kind)
    assert.is_true((assert(file:download { sink = function() end })))
  end)

  it("case 38: the client is closed by a sink or a progress function", function()
    local target = scripted(function(c)
      c:write("HTTP/1.1 200 OK\r\ncontent-type: application/pdf\r\ncontent-length: 9000000\r\n\r\n"
        .. string.rep("x", 1000000))
      c:until_closed()
      return false
    end)
    local other = points_to("http://" .. target.address .. "/k")
    for _, from in ipairs { target, other } do
      for _, name in ipairs { "sink", "progress" } do
        local file, client = file_of(from)
        local folder = host.folder()
        local given = { [name] = function() client:close() end }
        if name == "progress" then given.to = folder .. "/a.pdf" end
        local value, err = file:download(given)
        assert.is_nil(value)
        assert.equal("cancelled", err.kind)
        assert.same({}, names(folder))
      end
    end
  end)

  it("case 40: dropped in the middle of a sink, nothing is lost: no descriptor, no file", function()
    local target = scripted(function(c) c:reply(200, {}, string.rep("x", 600000)) end)
    local file, client = file_of(target)
    local posix = host.posix()
    assert(file:download { sink = function() end })
    local function drop()
      local thread = coroutine.create(function()
        file:download { sink = function() coroutine.yield() end }
      end)
      assert(coroutine.resume(thread))
    end
    drop()
    for _ = 1, 3 do collectgarbage() end
    wire.good_call(client)
    local before = posix.fds()
    for _ = 1, 10 do
      for _ = 1, 10 do drop() end -- fewer than may run at once
      for _ = 1, 3 do collectgarbage() end
    end
    wire.good_call(client)
    for _ = 1, 3 do collectgarbage() end
    assert.is_true(posix.fds() <= before + 1, posix.fds() .. " descriptors, " .. before .. " before")
  end)
end)

describe("upload:", function()
  after_each(wire.clean)

  local function large(folder)
    local path = (folder or host.folder()) .. "/large.pdf"
    host.write(path, string.rep("0123456789abcdef", 8 * MB / 16))
    return path
  end

  local changes = {
    ["grows"] = function(path) host.shell("printf more >> " .. path) end,
    ["shrinks"] = function(path) host.shell("truncate -s 7M " .. path) end,
    ["is rewritten with the same size"] = function(path)
      host.shell("printf X | dd of=" .. path .. " bs=1 seek=3 conv=notrunc status=none")
    end,
  }
  for name, change in pairs(changes) do
    it("a file that " .. name .. " while it is sent is an error, and never arrives whole", function()
      local target = server.start(function(s)
        s.serve(function(c)
          c:more()
          if string.find(c.buffer, "POST", 1, true) then s.await("read on") end
          for request in function() return c:request() end do c:good(request) end
        end)
      end)
      local client = wire.client(target, { timeout = 60, attempt_timeout = 30 })
      local path = large()
      local changed = false
      local value, err = assert(client:user(wire.SVEN)):contract(1).files:create {
        path = path, upload_as = "attachment",
        progress = function(_, total)
          assert.is_true(total > 8 * MB)
          if not changed then
            changed = true
            change(path)
            target:tell "read on"
          end
        end,
      }
      assert.is_nil(value)
      wire.check_error(err)
      assert.equal("io", err.kind, tostring(err))
      assert.equal("unknown", err.outcome)
      assert.is_false(err.retryable)
      assert.matches("the file ", tostring(err))
      wire.good_call(client)
      for _, request in ipairs((target:journal())) do assert.equal("GET", request.method) end
    end)
  end

  it("case 8: the connection dies in the middle, and after it: once, unknown", function()
    for _, how in ipairs { "middle", "end" } do
      for _, warm in ipairs { false, true } do
        local target = server.start(function(s, args)
          s.serve(function(c)
            while true do
              while not string.find(c.buffer, "\r\n\r\n", 1, true) do if not c:more() then return end end
              if string.find(c.buffer, "^GET") then
                c:good(c:request())
              else
                s.note("post")
                if args.how == "end" then c:request() end
                return c:rst()
              end
            end
          end)
        end, { how = how })
        local client = wire.client(target)
        if warm then wire.good_call(client) end
        local value, err = assert(client:user(wire.SVEN)):contract(1).files:create {
          path = large(), upload_as = "attachment",
        }
        assert.is_nil(value)
        assert.equal("connection", err.kind, tostring(err))
        assert.equal("unknown", err.outcome)
        assert.is_false(err.retryable)
        target:wait("post", 1)
        local posts = 0
        for _, bytes in ipairs((select(3, target:journal()))) do
          local _, count = string.gsub(bytes, "POST /", "")
          posts = posts + count
        end
        assert.equal(1, posts)
        wire.good_call(client)
      end
    end
  end)

  it("an answer that comes before the end counts: 413, and no more is sent", function()
    local target = server.start(function(s)
      s.serve(function(c)
        while not string.find(c.buffer, "\r\n\r\n", 1, true) do if not c:more() then return end end
        if string.find(c.buffer, "^GET") then
          for request in function() return c:request() end do c:good(request) end
        else
          c:reply(413, { "content-type: application/json" }, '{"title":"Too large"}')
          c:until_closed()
        end
      end)
    end)
    local client = wire.client(target)
    local value, err = assert(client:user(wire.SVEN)):contract(1).files:create {
      path = large(), upload_as = "attachment",
    }
    assert.is_nil(value)
    assert.equal("http", err.kind, tostring(err))
    assert.equal(413, err.status)
    assert.equal("refused", err.outcome)
    wire.good_call(client)
  end)

  it("a server that stops reading is given up after stall_timeout #timing", function()
    local target = server.start(function(s)
      s.serve(function(c)
        c:more()
        if string.find(c.buffer, "^POST") then s.await("never") end
        for request in function() return c:request() end do c:good(request) end
      end)
    end)
    local client = wire.client(target, { stall_timeout = 1 })
    local value, err = assert(client:user(wire.SVEN)):contract(1).files:create {
      path = large(), upload_as = "attachment",
    }
    assert.is_nil(value)
    assert.equal("timeout", err.kind, tostring(err))
    assert.equal("unknown", err.outcome)
    wire.good_call(client)
  end)

  it("case 62: a progress function that raises takes nothing from who uploads; it is reported once", function()
    for _, status in ipairs { 200, 503 } do
      local target = scripted(function(c, _, args)
        c:reply(args.status, { "content-type: application/json" }, '{"id":7}')
      end, { status = status })
      local told, problems, infos = {}, {}, {}
      local client = wire.client(target, { hooks = {
        on_response = function(info) told[#told + 1] = info end,
        on_error = function(problem, info) problems[#problems + 1], infos[#infos + 1] = problem, info end,
      } })
      local file, err = assert(client:user(wire.SVEN)):contract(1).files:create {
        path = large(), upload_as = "attachment", progress = function() error("boom", 0) end,
      }
      if status == 200 then
        assert.equal(7, file.id)
      else
        assert.equal("unknown", err.outcome)
      end
      assert.equal(1, #target:journal())
      assert.same({ "boom" }, problems)
      assert.equal(1, #told)
      assert.equal("file.create", infos[1].operation)
      assert.equal(status, infos[1].status)
      assert.equal(err and "unknown" or nil, infos[1].outcome)
      wire.good_call(client)
    end
  end)
end)
