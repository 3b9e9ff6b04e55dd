-- Files over real sockets: uploads as the service reads them, downloads onto disk, into a function, as a string.
local uv = require "luv"
local host = require "spec.support.host"
local nginx = require "spec.support.nginx"
local process = require "spec.support.process"
local server = require "spec.support.server"
local tls = require "spec.support.tls"
local wire = require "spec.support.wire"

local MB = 1024 * 1024

local function names(folder)
  local list = {}
  for name in uv.fs_scandir_next, assert(uv.fs_scandir(folder)) do list[#list + 1] = name end
  table.sort(list)
  return list
end

local function mode(path) return string.format("%o", uv.fs_stat(path).mode % 512) end

-- Bytes that no text codec leaves alone, different everywhere.
local function bytes(length)
  local piece = {}
  for i = 0, 255 do piece[#piece + 1] = string.char(i, (i * 7 + 3) % 256) end
  piece = table.concat(piece)
  return string.sub(string.rep(piece, math.floor(length / #piece) + 1), 1, length)
end

-- A service whose file 1 lies at `args.location`; others answer as their number says. Uploads answer with what came.
local function service(args)
  return server.start(function(s, given)
    s.serve(function(c)
      for request in function() return c:request() end do
        if request.method == "POST" then
          c:reply(200, { "content-type: application/json" }, '{"id":90211,"name":"Main document","type":"pdf"}')
        elseif given.location and string.find(request.target, "/files/") then
          c:reply(302, { "location: " .. given.location }, "")
        elseif string.find(request.target, "/files/") then
          c:reply(200, { "content-type: " .. (given.content_type or "application/pdf") }, given.body or "%PDF-1.7 x")
        else
          c:good(request)
        end
      end
    end)
  end, args or {})
end

-- nginx as the storage host, with a folder to put files in.
local function storage(options)
  local web = nginx.start(options or { server = "location / { root files; }" })
  host.shell("mkdir -p " .. web.folder .. "/files/bucket")
  return web, web.folder .. "/files/bucket/"
end

-- The parts of a multipart body, by a reader of its own.
local function parts_of(request)
  local boundary = assert(string.match(request.headers["content-type"], "^multipart/form%-data; boundary=(%x+)$"))
  local open = "--" .. boundary
  assert.equal(open .. "\r\n", string.sub(request.body, 1, #open + 2))
  local parts, at = {}, #open + 3
  while true do
    local head_end = assert(string.find(request.body, "\r\n\r\n", at, true))
    local stop, after = string.find(request.body, "\r\n--" .. boundary, head_end + 2, true)
    assert.is_truthy(stop)
    parts[#parts + 1] = {
      head = string.sub(request.body, at, head_end - 1), body = string.sub(request.body, head_end + 4, stop - 1),
    }
    local mark = string.sub(request.body, after + 1, after + 2)
    at = after + 3
    if mark == "--" then break end
    assert.equal("\r\n", mark)
  end
  assert.equal(#request.body, at + 1, "only a line end follows the last boundary")
  return parts
end

describe("upload:", function()
  after_each(wire.clean)

  local function sven(target, options)
    local client = wire.client(target, options)
    return assert(client:user(wire.SVEN)), client
  end

  it("from a path: multipart with the length known, both credentials, the file byte by byte", function()
    local target = service()
    local path = host.write(host.folder() .. "/main.pdf", "%PDF-1.7\r\n--x\r\n text without NUL")
    local user, client = sven(target)
    local file = assert(user:contract(7700123).files:create { path = path, upload_as = "expanded_pdf" })
    assert.equal(90211, file.id)
    assert.equal("Main document", file.name)
    local journal = target:journal()
    assert.equal(1, #journal)
    local request = journal[1]
    assert.equal("POST", request.method)
    assert.equal("/v1/contracts/7700123/files", request.target)
    assert.equal(wire.TOKEN, request.headers["x-oneflow-api-token"])
    assert.equal(wire.SVEN, request.headers["x-oneflow-user-email"])
    assert.equal("application/json", request.headers.accept)
    assert.equal(tostring(#request.body), request.headers["content-length"])
    assert.is_nil(request.headers.expect)
    assert.is_nil(request.headers["transfer-encoding"])
    local parts = parts_of(request)
    assert.equal(2, #parts)
    assert.equal('Content-Disposition: form-data; name="upload_as"', parts[1].head)
    assert.equal("expanded_pdf", parts[1].body)
    assert.equal('Content-Disposition: form-data; name="file"; filename="main.pdf"\r\nContent-Type: application/pdf',
      parts[2].head)
    assert.equal(host.read(path), parts[2].body)
    wire.good_call(client)
  end)

  it("from a string, with a name that needs care; the handle's other calls go on", function()
    local target = service()
    local user, client = sven(target)
    for given, sent in pairs {
      ['say "no".txt'] = 'say %22no%22.txt', ["Pris ÅÄÖ.TXT"] = "Pris ÅÄÖ.TXT", ["a;b=c.txt"] = "a;b=c.txt",
    } do
      assert(user:contract(1).files:create { content = "hello", name = given, upload_as = "attachment" })
      local journal = target:journal()
      local parts = parts_of(journal[#journal])
      assert.equal('Content-Disposition: form-data; name="file"; filename="' .. sent
        .. '"\r\nContent-Type: application/octet-stream', parts[2].head)
      assert.equal("hello", parts[2].body)
      assert.equal("attachment", parts[1].body)
    end
    wire.good_call(client)
  end)

  it("large ones arrive whole at a real server, and the same handle makes a small call after each", function()
    local web = storage {
      server = "client_max_body_size 64m; location ~ /files$ { client_body_in_file_only on; "
        .. "proxy_pass $scheme://127.0.0.1:$server_port/accept; }\n"
        .. "location /accept { return 200 '{\"id\":1}'; }\nlocation /v1/contracts/4711 { default_type "
        .. "application/json; return 200 '{\"id\":4711,\"_private\":{\"name\":\"Contract 4711\"}}'; }",
    }
    local content = bytes(19 * MB + 12345)
    local path = host.write(host.folder() .. "/large.pdf", content)
    for _, url in ipairs { web.url, web.https } do
      local user, client = sven({ url = url .. "/v1" }, { ca_file = tls.certificates().ca })
      for _, given in ipairs {
        { path = path, upload_as = "attachment" }, { content = content, name = "l.pdf", upload_as = "attachment" },
      } do
        local seen = {}
        function given.progress(done, total) seen[#seen + 1] = { done, total } end
        assert(user:contract(1).files:create(given))
        local last = seen[#seen]
        assert.equal(last[2], last[1])
        assert.is_true(last[1] > #content and last[1] < #content + 1000)
        wire.good_call(client)
      end
    end
    local kept = names(web.folder .. "/body")
    assert.equal(4, #kept)
    for _, name in ipairs(kept) do
      local got = host.read(web.folder .. "/body/" .. name)
      assert.is_truthy(string.find(got, content, 1, true), "the body contains the file unchanged")
    end
  end)

  it("what the service would refuse is refused before anything is sent, all at once", function()
    local target = service()
    local user = sven(target)
    local files = user:contract(1).files
    local folder = host.folder()
    host.write(folder .. "/empty.pdf", "")
    host.write(folder .. "/script.exe", "MZ")
    host.shell("truncate -s 20000001 " .. folder .. "/big.pdf && mkfifo " .. folder .. "/pipe.pdf")
    local function problems(body, opts)
      local value, err = files:create(body, opts)
      assert.is_nil(value, string.format("%q", tostring(body.name)))
      assert.equal("validation", err.kind, tostring(err))
      assert.equal("not_sent", err.outcome)
      assert.equal("file.create", err.operation)
      local list = {}
      for i, problem in ipairs(err.problems) do list[i] = problem.path .. ": " .. problem.messages[1] end
      return table.concat(list, "; ")
    end
    assert.matches("body.path: No such file", problems { path = folder .. "/none.pdf", upload_as = "attachment" })
    assert.matches("body.path: is not a regular", problems { path = folder, name = "x.pdf", upload_as = "attachment" })
    assert.matches("body.path: is not a regular", problems { path = folder .. "/pipe.pdf", upload_as = "attachment" })
    assert.matches("body.path: is empty", problems { path = folder .. "/empty.pdf", upload_as = "attachment" })
    assert.matches("body.path: is 20000001 bytes", problems { path = folder .. "/big.pdf", upload_as = "attachment" })
    assert.matches("body.path: has none of the ext",
      problems { path = folder .. "/script.exe", upload_as = "attachment" })
    assert.matches("body.upload_as: expanded_pdf is for",
      problems { content = "x", name = "a.txt", upload_as = "expanded_pdf" })
    local all = problems { content = "", name = "a\nb.exe", upload_as = "attachement" }
    assert.matches("body.name: holds a control byte", all)
    assert.matches("body.upload_as: is none of", all)
    assert.matches("body.content: is empty", all)
    assert.matches("body.upload_as: is required", problems { content = "x", name = "a.pdf" })
    assert.matches("body.name: is required", problems { content = "x", upload_as = "attachment" })
    assert.matches("body.path: holds a NUL", problems { path = "a\0.pdf", upload_as = "attachment" })
    for _, name in ipairs { "a\r\nb.pdf", "a\0.pdf", "a/b.pdf", "a\\b.pdf", "\127.pdf", "\255.pdf", "",
      string.rep("x", 256) .. ".pdf" } do
      assert.matches("body.name: ", problems { content = "x", name = name, upload_as = "attachment" })
      assert.matches("body.name: ", problems({ content = "x", name = name, upload_as = "attachment" },
        { unchecked = true }))
    end
    local _, err = user:contract("../x").files:create { content = "", name = "a.pdf", upload_as = "attachment" }
    assert.same({ "body.content", "contract id" }, { err.problems[1].path, err.problems[2].path })
    local _, accepted = target:journal()
    assert.equal(0, accepted)
    assert.is_not_nil(files:create({ content = "x", name = "a.exe", upload_as = "attachment" }, { unchecked = true }))
  end)

  it("wrong names and types raise at the caller's line, and nothing is sent", function()
    local target = service()
    local user, client = sven(target)
    local files = user:contract(1).files
    local function raises(pattern, ...)
      local good, message = pcall(...)
      assert.is_false(good)
      assert.matches(pattern, message)
      assert.matches("files_spec.lua:", message, 1, true)
    end
    raises("did you mean \"path\"", function() files:create { pathh = "x", upload_as = "attachment" } end)
    raises("is an option", function() files:create { path = "x", timeout = 3 } end)
    raises("path: string expected", function() files:create { path = 4, upload_as = "attachment" } end)
    raises("`path` or `content`", function() files:create { upload_as = "attachment" } end)
    raises("`path` or `content`", function() files:create { path = "a", content = "b" } end)
    raises("expected, got string", function() files:create "x.pdf" end)
    raises("no acting user", function()
      client:contract(1).files:create { content = "x", name = "a.pdf", upload_as = "attachment" }
    end)
    local file = user:contract(1):file(1)
    raises("did you mean \"sink\"", function() file:download { sinc = print } end)
    raises("is an option", function() file:download { to = "x", timeout = 4 } end)
    raises("not both", function() file:download { to = "x", sink = print } end)
    raises("to: string expected", function() file:download { to = {} } end)
    raises("seconds", function() file:download({}, { timeout = 30000 }) end)
    local _, accepted = target:journal()
    assert.equal(0, accepted)
  end)

  it("an upload goes on after a 401 that a new token answers, whole again", function()
    local target = server.start(function(s)
      s.serve(function(c)
        for request in function() return c:request() end do
          if request.number == 1 then c:reply(401, {}, "") else c:reply(200, {}, '{"id":5}') end
        end
      end)
    end)
    local tokens = { "first-token", wire.TOKEN }
    local user = sven(target, { token = function() return table.remove(tokens, 1) end })
    local file = assert(user:contract(1).files:create { content = "abc", name = "a.pdf", upload_as = "attachment" })
    assert.equal(2, file.meta.attempts)
    local journal = target:journal()
    assert.equal(2, #journal)
    assert.equal(journal[1].body, journal[2].body)
    assert.equal("abc", parts_of(journal[2])[2].body)
  end)
end)

describe("download:", function()
  after_each(wire.clean)

  local function file_of(target, options)
    local client = wire.client(target, options)
    return assert(client:user(wire.SVEN)):contract(4711):file(1), client
  end

  it("straight from the service: to a path, a function, a string", function()
    local body = string.rep("%PDF-1.7 contract\n", 20000)
    local target = service { body = body }
    local file, client = file_of(target)
    local folder = host.folder()
    local to = folder .. "/signed.pdf"
    local value, meta = file:download { to = to }
    assert.equal(to, value, tostring(meta))
    assert.equal(200, meta.status)
    assert.equal(#body, meta.bytes)
    assert.equal("application/pdf", meta.content_type)
    assert.equal(body, host.read(to))
    assert.same({ "signed.pdf" }, names(folder))
    local got = {}
    assert.is_true((assert(file:download { sink = function(chunk) got[#got + 1] = chunk end })))
    assert.equal(body, table.concat(got))
    assert.equal(body, (assert(file:download())))
    local journal = target:journal()
    assert.equal(3, #journal)
    for _, request in ipairs(journal) do
      assert.equal("/v1/contracts/4711/files/1?download=true", request.target)
      assert.equal(wire.TOKEN, request.headers["x-oneflow-api-token"])
      assert.equal(wire.SVEN, request.headers["x-oneflow-user-email"])
      assert.equal("*/*", request.headers.accept)
      assert.equal("identity", request.headers["accept-encoding"])
    end
    wire.good_call(client)
    assert.equal("gzip", target:journal()[4].headers["accept-encoding"])
  end)

  it("case 23: the 302 to a storage host: bytes on disk, and no credential, cookie or referer there", function()
    local body = bytes(3 * MB + 1)
    local other = server.start(function(s, args)
      s.serve(function(c)
        for _ in function() return c:request() end do
          local piece = string.rep("storage", 100000)
          c:reply(200, { "content-type: binary/octet-stream", "x-request-id: not-the-service" }, piece)
          if args.once then return end
        end
      end)
    end, { once = false })
    local secret = "/bucket/a%2Fb//c?X-Amz-Signature=5ecret%2Fsigned&X-Amz-Expires=60"
    local target = service { location = "http://" .. other.address .. secret }
    local told = {}
    local function tell(info) told[#told + 1] = info end
    local file, client = file_of(target, { hooks = { on_request = tell, on_response = tell } })
    local folder = host.folder()
    for round = 1, 3 do
      local value, meta
      if round == 1 then
        value, meta = file:download { to = folder .. "/a.pdf" }
        assert.equal(folder .. "/a.pdf", value, tostring(meta))
        assert.equal(string.rep("storage", 100000), host.read(value))
      elseif round == 2 then
        local got = {}
        value, meta = file:download { sink = function(chunk) got[#got + 1] = chunk end }
        assert.is_true(value, tostring(meta))
        assert.equal(string.rep("storage", 100000), table.concat(got))
      else
        value, meta = file:download()
        assert.equal(string.rep("storage", 100000), value, tostring(meta))
      end
    end
    local journal, accepted = other:journal()
    assert.equal(3, #journal)
    assert.equal(1, accepted, "one connection for all")
    for _, request in ipairs(journal) do
      assert.equal(secret, request.target, "as the service wrote it")
      for name in pairs(request.headers) do
        assert.is_nil(string.find(name, "oneflow", 1, true), name)
        assert.is_true(name ~= "cookie" and name ~= "referer" and name ~= "authorization", name)
      end
      assert.is_nil(string.find(request.head, wire.TOKEN, 1, true))
      assert.is_nil(string.find(request.head, wire.SVEN, 1, true))
      assert.equal(other.address, request.headers.host)
    end
    assert.equal(3, #target:journal())
    assert.equal(12, #told)
    for _, info in ipairs(told) do
      for name, item in pairs(info) do
        assert.is_nil(string.find(tostring(item), "5ecret", 1, true), name)
      end
    end
    assert.equal(other.address, told[3].storage)
    assert.equal("file.download", told[3].operation)
    assert.is_nil(told[1].storage)
    wire.good_call(client)
    local _ = body
  end)

  it("what the storage host is asked for is what its URL says, byte by byte", function()
    local other = server.start(function(s)
      s.serve(function(c)
        for _ in function() return c:request() end do c:reply(200, { "content-type: application/pdf" }, "%PDF") end
      end)
    end)
    local url = "http://" .. other.address
    for i, case in ipairs {
      { "/a?b=c#d", "/a?b=c" }, { "?b=/c?d", "/?b=/c?d" }, { "#x", "/" }, { "/../a/./b//c", "/../a/./b//c" },
      { "/%7e%2F?x=%23#", "/%7e%2F?x=%23" },
    } do
      local file, client = file_of(service { location = url .. case[1] })
      local value, err = file:download()
      assert.equal("%PDF", value, tostring(err))
      assert.equal(case[2], other:journal()[i].target)
      client:close()
    end
  end)

  it("from a real storage host over http and TLS, whole, with progress that ends at the total", function()
    local web, bucket = storage()
    local body = bytes(5 * MB + 321)
    host.write(bucket .. "key.pdf", body)
    for _, base in ipairs { web.url, web.https } do
      local target = service { location = base .. "/bucket/key.pdf?signed=1" }
      local file, client = file_of(target, { ca_file = tls.certificates().ca })
      local folder = host.folder()
      local seen = {}
      local value, meta = file:download {
        to = folder .. "/a.pdf", progress = function(done, total) seen[#seen + 1] = { done, total } end,
      }
      assert.equal(folder .. "/a.pdf", value, tostring(meta))
      assert.is_true(body == host.read(value))
      assert.same({ #body, #body }, seen[#seen])
      local done = -1
      for _, at in ipairs(seen) do
        assert.is_true(at[1] > done, "bytes only grow")
        done = at[1]
      end
      local pieces, most = {}, 0
      assert(file:download { sink = function(chunk)
        pieces[#pieces + 1] = chunk
        most = math.max(most, #chunk)
        collectgarbage()
      end })
      assert.is_true(body == table.concat(pieces))
      assert.is_true(most <= 256 * 1024, "pieces are bounded: " .. most)
      assert.is_true(body == assert(file:download()))
      wire.good_call(client)
    end
  end)

  it("the storage host's certificate is verified", function()
    local web, bucket = storage()
    host.write(bucket .. "key.pdf", "x")
    local target = service { location = web.https .. "/bucket/key.pdf?s=5ecret" }
    local file = file_of(target, { connect_timeout = 10 })
    local folder = host.folder()
    local value, err = file:download { to = folder .. "/a.pdf" }
    assert.is_nil(value)
    wire.check_error(err)
    assert.equal("tls", err.kind, tostring(err))
    assert.equal("refused", err.outcome)
    assert.is_nil(string.find(tostring(err), "5ecret", 1, true))
    assert.matches("storage host localhost", tostring(err))
    assert.same({}, names(folder))
  end)

  it("replaces a file, with the mode that the umask gives; long names; relative paths", function()
    local target = service { body = "new" }
    local file = file_of(target)
    local folder = host.folder()
    local to = host.write(folder .. "/a.pdf", "old")
    host.shell("chmod 600 " .. to)
    local mine = host.shell("umask")
    assert(file:download { to = to })
    assert.equal("new", host.read(to))
    assert.equal(tonumber(mine, 8), 438 - tonumber(mode(to), 8), "0666 without the umask")
    local here = uv.cwd()
    uv.chdir(folder)
    local value = file:download { to = "relative.pdf" }
    uv.chdir(here)
    assert.equal("relative.pdf", value)
    assert.equal("new", host.read(folder .. "/relative.pdf"))
    local long = string.rep("n", 251) .. ".pdf"
    assert(file:download { to = folder .. "/" .. long })
    assert.same({ "a.pdf", long, "relative.pdf" }, names(folder))
  end)

  it("a string is at most max_body; a file and a sink are not bound by it", function()
    local body = string.rep("x", 100001)
    local target = service { body = body }
    local file, client = file_of(target, { max_body = 100000 })
    local value, err = file:download()
    assert.is_nil(value)
    assert.equal("limit", err.kind)
    local folder = host.folder()
    assert(file:download { to = folder .. "/a.pdf" })
    assert.equal(body, host.read(folder .. "/a.pdf"))
    local got = 0
    assert(file:download { sink = function(chunk) got = got + #chunk end })
    assert.equal(#body, got)
    wire.good_call(client)
  end)

  it("gathers: to files and as strings while others run, each in its own", function()
    local oneflow = require "oneflow"
    if not oneflow.map then return end
    local web, bucket = storage()
    for i = 1, 6 do host.write(bucket .. i .. ".pdf", string.rep(tostring(i), 300000)) end
    local target = server.start(function(s, args)
      s.serve(function(c)
        for request in function() return c:request() end do
          c:reply(302, { "location: " .. args.base .. string.match(request.target, "/files/(%d+)") .. ".pdf" }, "")
        end
      end)
    end, { base = web.url .. "/bucket/" })
    local client = wire.client(target)
    local contract = assert(client:user(wire.SVEN)):contract(1)
    local folder = host.folder()
    local results, failures = oneflow.map({ 1, 2, 3, 4, 5, 6 }, function(i)
      if i % 3 == 0 then return assert(contract:file(i):download()) end
      if i % 3 == 1 then
        local got = {}
        assert(contract:file(i):download { sink = function(chunk) got[#got + 1] = chunk end })
        return table.concat(got)
      end
      return host.read(assert(contract:file(i):download { to = folder .. "/" .. i }))
    end)
    assert.equal(0, #failures)
    for i = 1, 6 do assert.equal(string.rep(tostring(i), 300000), results[i]) end
  end)

  it("a script that is not trusted opens no file through its user, or through what came of it", function()
    local limited = require "oneflow.limited"
    local target = service { body = "bytes" }
    local file, client = file_of(target)
    local folder = host.folder()
    local secret = host.write(folder .. "/secret.pdf", "secret")
    local user = assert(client:user(wire.SVEN))
    local narrow = assert(client:user(wire.SVEN, { paths = false }))
    local given = {
      user = user, contract = user:contract(4711), files = user:contract(4711).files, file = file,
      inner = { user = narrow }, to = folder .. "/a.pdf", path = secret, error = error, pcall = pcall,
    }
    for _, place in ipairs { "user:contract(4711):file(1)", "contract:file(1)", "file", "contract:get():file(1)",
      "inner.user:contract(4711):file(1)" } do
      local run = assert(limited.load("return " .. place .. ":download { to = to }", "script", given))
      local good, message = pcall(run)
      assert.is_false(good, place)
      assert.matches("no file is opened through this user", message, 1, true)
      assert.equal("bytes", assert(limited.load("return " .. place .. ":download()", "script", given))(), place)
    end
    for _, place in ipairs { "user:contract(4711).files", "contract.files", "files", "inner.user:contract(1).files" } do
      local run = assert(limited.load("return " .. place .. ":create { path = path, upload_as = 'attachment' }",
        "script", given))
      local good, message = pcall(run)
      assert.is_false(good, place)
      assert.matches("no file is opened through this user", message, 1, true)
    end
    assert.same({ "secret.pdf" }, names(folder))
    assert(user:contract(4711):file(1):download { to = folder .. "/a.pdf" }) -- the host's own user still does
    assert.is_false((pcall(client.user, client, wire.SVEN, { path = false })))
    assert.is_false((pcall(client.user, client, wire.SVEN, { paths = 1 })))
  end)

  it("a process that was forked in the middle leaves the file to its parent", function()
    local target = server.start(function(s)
      s.serve(function(c)
        c:request()
        c:write("HTTP/1.1 200 OK\r\ncontent-length: 200000\r\n\r\n" .. string.rep("x", 100000))
        s.await "go on"
        c:write(string.rep("x", 100000))
      end)
    end)
    local folder = host.folder()
    local child = process.start(function(args)
      local oneflow = require "oneflow"
      local posix = require("spec.support.host").posix()
      local client = assert(oneflow.client { base_url = args.url, token = args.token })
      local file = assert(client:user(args.user)):contract(1):file(1)
      local forked = false
      local value = file:download { to = args.folder .. "/a.pdf", progress = function()
        if forked then return end
        forked = true
        local pid = posix.fork()
        if pid == 0 then os.exit(0, true) end -- with every finalizer
        posix.wait(pid)
        io.write "forked\n"
        io.flush()
      end }
      return { value = value, forked = forked }
    end, { url = target.url, token = wire.TOKEN, user = wire.SVEN, folder = folder })
    assert.equal("forked", child:line())
    assert.is_nil(host.read(folder .. "/a.pdf"))
    assert.equal(1, #names(folder), "the temporary file is still there")
    target:tell "go on"
    local result = child:result()
    assert.is_true(result.forked)
    assert.equal(folder .. "/a.pdf", result.value)
    assert.equal(200000, #host.read(result.value))
    assert.same({ "a.pdf" }, names(folder))
  end)

  it("in flat memory: 64 MiB to a file and to a sink", function()
    local web, bucket = storage()
    host.shell("truncate -s 64M " .. bucket .. "sparse.pdf")
    local target = service { location = web.url .. "/bucket/sparse.pdf" }
    local file = file_of(target)
    local folder = host.folder()
    assert(file:download { sink = function() end })
    for _, where in ipairs { { to = folder .. "/a.pdf" }, { sink = function() end } } do
      local growth, value, meta = wire.growth(function() return file:download(where) end)
      assert.is_truthy(value, tostring(meta))
      assert.equal(64 * MB, meta.bytes)
      assert.is_true(growth < 8 * MB, "grew by " .. growth)
    end
    assert.equal(64 * MB, uv.fs_stat(folder .. "/a.pdf").size)
  end)
end)
