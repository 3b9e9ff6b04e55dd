-- Answers that are too big: refused at a cap, with bounded memory.
local host = require "spec.support.host"
local wire = require "spec.support.wire"

local MIB = 1024 * 1024

-- Like wire.each_method, but the call itself is measured.
local function flood(fault, options, most)
  for _, method in ipairs(wire.METHODS) do
    local target = wire.faulty(fault, options)
    local client = wire.client(target, options.client)
    local growth, value, err = wire.growth(function() return wire.call(client, method) end)
    wire.fails("limit", "unknown", options.more)(value, err, method)
    assert.is_true(growth < most, string.format("%s grew by %.1f MB, more than %.1f", method, growth / 1e6,
      most / 1e6))
    assert.equal(1, #target:journal())
    wire.good_call(client)
    client:close()
    target:stop()
  end
end

local slow = { attempt_timeout = 20, timeout = 20 }

local function with(extra)
  local options = {}
  for _, source in ipairs { slow, extra or {} } do
    for name, value in pairs(source) do options[name] = value end
  end
  return options
end

describe("floods:", function()
  after_each(wire.clean)

  it("case 17: 5000 x 1xx, then 200: success, in bounded memory", function()
    for _, method in ipairs(wire.METHODS) do
      local target = wire.faulty(function(c, request)
        local hint = "HTTP/1.1 103 Early Hints\r\n"
        c:write(string.rep(hint .. "\r\n", 4000)) -- libcurl 8.14 takes no more than 5000 header lines
        c:write(string.rep(hint .. "x-request-id: 1\r\n\r\n", 1000))
        c:good(request)
      end, {})
      local client = wire.client(target, slow)
      local growth, value, err = wire.growth(function() return wire.call(client, method) end)
      assert.is_truthy(value, method .. ": " .. tostring(err))
      assert.equal(200, value.meta.status)
      assert.is_nil(value.meta.request_id) -- of a 103, which is not the answer
      assert.is_true(growth < 5e6, string.format("%s grew by %.1f MB", method, growth / 1e6))
      wire.good_call(client)
      client:close()
      target:stop()
    end
  end)

  it("case 18: 20 MB of headers, in lines of 8 KB and in one line: limit, growth under 5 MB", function()
    flood(function(c)
      c:write("HTTP/1.1 200 OK\r\n")
      local line = "x-flood: " .. string.rep("x", 8000) .. "\r\n"
      for _ = 1, 2500 do
        if not c:write(line) then return false end
      end
      c:write("content-length: 2\r\n\r\n{}")
      c:until_closed()
      return false
    end, { client = slow }, 5e6)
    flood(function(c)
      c:write("HTTP/1.1 200 OK\r\nx-flood: ")
      local part = string.rep("x", 100000)
      for _ = 1, 200 do
        if not c:write(part) then return false end
      end
      c:write("\r\ncontent-length: 2\r\n\r\n{}")
      c:until_closed()
      return false
    end, { client = slow }, 5e6)
  end)

  it("case 18: 100 000 headers: limit, growth under 5 MB", function()
    flood(function(c)
      c:write("HTTP/1.1 200 OK\r\n")
      local lines = string.rep("a: b\r\n", 1000)
      for _ = 1, 100 do
        if not c:write(lines) then return false end
      end
      c:write("content-length: 2\r\n\r\n{}")
      c:until_closed()
      return false
    end, { client = slow }, 5e6)
  end)

  local function chunks(c)
    c:write("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n")
    local chunk = string.format("%x\r\n%s\r\n", 100000, string.rep(" ", 100000))
    for _ = 1, 100000 do -- 10 GB
      if not c:write(chunk) then return false end
    end
    c:write("0\r\n\r\n")
    c:until_closed()
    return false
  end

  it("case 19: a chunked body of 10 GB: limit at the cap, growth under twice the cap", function()
    flood(chunks, { client = with { max_body = 8 * MIB }, more = function(err)
      assert.equal(200, err.status)
    end }, 16 * MIB)
    flood(chunks, { client = slow, more = function(err) assert.equal(200, err.status) end }, 64 * MIB)
  end)

  it("case 19: what is just below the cap comes through, one byte more does not", function()
    for extra = 0, 1 do
      local target = wire.faulty(function(c, _, args)
        c:reply(200, { "content-type: application/json" }, '{"id":4711,"name":"Contract 4711"'
          .. string.rep(" ", args.size - 34) .. "}")
      end, { args = { size = MIB + extra } })
      local client = wire.client(target, with { max_body = MIB })
      local value, err = wire.call(client, "GET")
      if extra == 0 then
        assert.is_truthy(value, tostring(err))
      else
        wire.fails("limit", "unknown")(value, err, "GET")
        assert.is_truthy(string.find(tostring(err), "1048576", 1, true)
          or string.find(tostring(err), "1 MiB", 1, true),
          "the cap is named: " .. tostring(err))
      end
      wire.good_call(client)
      target:stop()
    end
  end)

  it("case 20: a gzip bomb, 200 KB to 200 MB: limit", function()
    local path = host.folder() .. "/bomb.gz"
    host.shell("head -c 200000000 /dev/zero | tr '\\0' ' ' | gzip -9 > " .. path)
    assert.is_true(#host.read(path) < 250000)
    flood(function(c, _, args)
      local file = io.open(args.path, "rb")
      local body = file:read("*a")
      file:close()
      c:reply(200, { "content-type: application/json", "content-encoding: gzip" }, body)
    end, { args = { path = path }, client = slow }, 64 * MIB)
  end)
end)
