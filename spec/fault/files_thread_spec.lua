-- Files on the I/O thread: a host's own loop goes on while they come and go. `make races SPEC=` this.
local uv = require "luv"
local oneflow = require "oneflow"
local host = require "spec.support.host"
local process = require "spec.support.process"
local server = require "spec.support.server"
local wire = require "spec.support.wire"

local function names(folder)
  local list = {}
  for name in uv.fs_scandir_next, assert(uv.fs_scandir(folder)) do list[#list + 1] = name end
  table.sort(list)
  return list
end

-- Points to another place of itself for files; `half`: nothing there ever ends.
local function service(args)
  return server.start(function(s, given)
    s.serve(function(c)
      for request in function() return c:request() end do
        local id = string.match(request.target, "/storage/(%d+)")
        if request.method == "POST" then
          c:reply(200, { "content-type: application/json" }, '{"id":' .. #request.body .. "}")
        elseif id and given.half then
          c:write("HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n" .. string.rep("x", 50000))
          s.note "half"
          c:until_closed()
          return
        elseif id then
          c:reply(200, {}, string.rep(id, 300000))
        else
          c:reply(302, { string.format("location: http://127.0.0.1:%d/storage/%s?s=1", s.port,
            string.match(request.target, "/files/(%d+)")) }, "")
        end
      end
    end)
  end, args or {})
end

describe("files on the I/O thread:", function()
  after_each(wire.clean)

  it("to files, as strings and up, many at once, each in its own", function()
    local target = service()
    local client = wire.client(target, { attempt_timeout = 20, timeout = 20 })
    local contract = assert(client:user(wire.SVEN)):contract(1)
    local folder = host.folder()
    local source = host.write(folder .. "/up.pdf", string.rep("0123456789", 50000))
    local gatherer = oneflow.gatherer { concurrency = 20 }
    local ended = 0
    for i = 1, 9 do
      gatherer:add(function() return contract:file(i):download { to = folder .. "/" .. i .. ".pdf" } end,
        function(value, err)
          assert.equal(folder .. "/" .. i .. ".pdf", value, tostring(err))
          assert.equal(string.rep(tostring(i), 300000), host.read(value))
          ended = ended + 1
        end)
      gatherer:add(function() return contract:file(i):download() end, function(value, err)
        assert.equal(string.rep(tostring(i), 300000), value, tostring(err))
        ended = ended + 1
      end)
      gatherer:add(function() return contract.files:create { path = source, upload_as = "attachment" } end,
        function(value, err)
          assert.is_truthy(value, tostring(err))
          assert.is_true(value.id > 500000)
          ended = ended + 1
        end)
    end
    while not gatherer:poll(0.1) do end
    assert.equal(27, ended)
    assert.equal(10, #names(folder))
  end)

  -- Each connection ends with its answer: one that is used again is shut down when the answer before turns out wrong.
  it("case 52: a file of no bytes is a mismatch there too, from the service and from the storage host", function()
    local target = server.start(function(s)
      s.serve(function(c)
        for request in function() return c:request() end do
          if string.find(request.target, "/files/1", 1, true) then
            c:reply(302, { string.format("location: http://127.0.0.1:%d/storage", s.port) }, "")
          else
            c:reply(200, { "content-type: application/pdf", "connection: close" }, "")
          end
        end
      end)
    end)
    local contract = assert(wire.client(target, { attempt_timeout = 20, timeout = 20 }):user(wire.SVEN)):contract(1)
    local folder, gatherer, ended = host.folder(), oneflow.gatherer(), 0
    for id = 1, 2 do
      for _, where in ipairs { { to = folder .. "/" .. id .. ".pdf" }, {} } do
        gatherer:add(function() return contract:file(id):download(where) end, function(value, err)
          assert.is_nil(value)
          assert.same({ "mismatch", "unknown", 200 }, { err.kind, err.outcome, err.status }, tostring(err))
          ended = ended + 1
        end)
      end
    end
    while not gatherer:poll(0.1) do end
    assert.equal(4, ended)
    assert.same({}, names(folder))
  end)

  it("cancelled, closed or dropped in the middle, nothing is left of them", function()
    for _, how in ipairs { "cancel", "close", "drop" } do
      local target = service { half = true }
      local client = wire.client(target, { attempt_timeout = 20, timeout = 20 })
      local contract = assert(client:user(wire.SVEN)):contract(1)
      local folder = host.folder()
      local gatherer = oneflow.gatherer()
      local errors = {}
      for i = 1, 6 do
        gatherer:add(function() return contract:file(i):download { to = folder .. "/" .. i } end, function(_, err)
          errors[#errors + 1] = err
        end)
      end
      process.eventually("half of each file", function()
        gatherer:poll(0.01)
        return #names(folder) == 6
      end)
      local bytes = 0
      process.eventually("bytes in the files", function()
        gatherer:poll(0.01)
        bytes = 0
        for _, name in ipairs(names(folder)) do bytes = bytes + uv.fs_stat(folder .. "/" .. name).size end
        return bytes == 300000
      end)
      if how == "drop" then
        gatherer, contract, client = nil, nil, nil
      elseif how == "cancel" then
        gatherer:cancel()
      else
        client:close()
      end
      process.eventually("the end of the temporary files", function()
        if gatherer then gatherer:poll(0.01) end
        collectgarbage()
        return #names(folder) == 0
      end)
      if how ~= "drop" then
        for _, err in ipairs(errors) do assert.equal("cancelled", err.kind) end
        assert.equal(6, #errors)
      end
      local _ = client or contract
    end
  end)
end)
