-- Content-Encoding: what the server claims must be true.
local host = require "spec.support.host"
local wire = require "spec.support.wire"

describe("encodings:", function()
  after_each(wire.clean)

  it("case 21: a Content-Encoding that is claimed but false is decode", function()
    for _, claim in ipairs { "gzip" } do
      for _, body in ipairs { '{"id":4711}', "\31\139\8\0garbage garbage garbage" } do
        wire.each_method(function(c, _, args)
          c:reply(200, { "content-type: application/json", "content-encoding: " .. args.claim },
            (string.gsub(args.body, "%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end)))
        end, { args = { claim = claim, body = (string.gsub(body, "[%z\1-\31\127-\255]", function(b)
          return string.format("%%%02x", string.byte(b))
        end)) } }, wire.fails("decode", "unknown", function(err) assert.equal(200, err.status) end))
      end
    end
  end)

  it("case 21: an unknown Content-Encoding is decode", function()
    for _, claim in ipairs { "br", "zstd", "deflate", "compress", "x-secret", "gzip, br", "aes128gcm" } do
      wire.each_method(function(c, _, args)
        c:reply(200, { "content-type: application/json", "content-encoding: " .. args.claim },
          '{"id":4711,"name":"Contract 4711"}')
      end, { args = { claim = claim } }, wire.fails("decode", "unknown"))
    end
  end)

  it("case 21: gzip that is cut in the middle is an error, never half the data", function()
    local folder = host.folder()
    host.write(folder .. "/body", '{"id":4711,"name":"Contract 4711","pad":"'
      .. string.rep("0123456789", 1000) .. '"}')
    host.shell("gzip -k " .. folder .. "/body")
    wire.each_method(function(c, _, args)
      local file = io.open(args.path, "rb")
      local body = file:read("*a")
      file:close()
      c:reply(200, { "content-type: application/json", "content-encoding: gzip" }, string.sub(body, 1, -20))
    end, { args = { path = folder .. "/body.gz" } }, function(value, err)
      assert.is_nil(value)
      assert.equal("unknown", err.outcome)
      assert.equal("decode", err.kind)
    end)
  end)

  it("gzip that is true is decoded", function()
    local folder = host.folder()
    host.write(folder .. "/body", '{"id":4711,"_private":{"name":"Contract 4711"}}')
    host.shell("gzip -k " .. folder .. "/body")
    wire.each_method(function(c, _, args)
      local file = io.open(args.path, "rb")
      local body = file:read("*a")
      file:close()
      c:reply(200, { "content-type: application/json", "content-encoding: gzip" }, body)
    end, { args = { path = folder .. "/body.gz" } }, function(value, err)
      assert.is_truthy(value, tostring(err))
      assert.equal("Contract 4711", value.name)
    end)
  end)

  -- The bytes of a gzip of that text, by the gzip command.
  local function packed(text, options)
    local folder = host.folder()
    host.write(folder .. "/body", text)
    host.shell("gzip " .. (options or "-n") .. " -c " .. folder .. "/body > " .. folder .. "/packed")
    return host.read(folder .. "/packed")
  end

  local function hex(bytes)
    return (string.gsub(bytes, ".", function(byte) return string.format("%02x", string.byte(byte)) end))
  end

  local GOOD = packed '{"id":4711,"_private":{"name":"Contract 4711"}}'
  local bad = {
    ["without its checksum"] = string.sub(GOOD, 1, -9),
    ["cut in its checksum"] = string.sub(GOOD, 1, -7),
    ["without its length"] = string.sub(GOOD, 1, -5),
    ["with another checksum"] = string.sub(GOOD, 1, -9) .. "\1\2\3\4" .. string.sub(GOOD, -4),
    ["with another length"] = string.sub(GOOD, 1, -5) .. "\1\2\3\4",
    ["followed by bytes"] = GOOD .. "x",
    ["followed by another one"] = GOOD .. GOOD,
    ["of zlib's own format"] = "\120\156\171\86\74\6\0",
  }
  for name, bytes in pairs(bad) do
    for _, chunked in ipairs { false, true } do
      it(string.format("case 54: a gzip %s%s is decode", name,
        chunked and ", chunked" or ""), function()
        local function answer(c, _, args)
          local body = string.gsub(args.hex, "..", function(digits) return string.char(tonumber(digits, 16)) end)
          c:write("HTTP/1.1 200 OK\r\ncontent-type: " .. args.type .. "\r\ncontent-encoding: gzip\r\n")
          if args.chunked then
            c:write("transfer-encoding: chunked\r\n\r\n" .. string.format("%x\r\n", #body) .. body .. "\r\n0\r\n\r\n")
          else
            c:write("content-length: " .. #body .. "\r\n\r\n" .. body)
          end
        end
        local args = { hex = hex(bytes), chunked = chunked, type = "application/json" }
        wire.each_method(answer, { args = args }, wire.fails("decode", "unknown", function(err)
          assert.equal(200, err.status)
        end))
        wire.each_method(answer, { args = args, call = { decode = false } }, wire.fails("decode", "unknown"))
        local folder = host.folder()
        args.type = "application/pdf"
        for _, where in ipairs { { to = folder .. "/a" }, { sink = function() end }, {} } do
          local target = wire.faulty(answer, { args = args })
          local client = wire.client(target)
          local value, err = client:user(wire.SVEN):contract(4711):file(1):download(where)
          assert.is_nil(value)
          assert.same({ "decode", "unknown" }, { err.kind, err.outcome }, tostring(err))
          assert.equal("", host.shell("ls -A " .. folder))
          wire.good_call(client)
          client:close()
          target:stop()
        end
      end)
    end
  end

  it("gzip with a name in it, in pieces, and under its other names is decoded", function()
    local text = '{"id":4711,"_private":{"name":"Contract 4711"},"pad":"'
      .. string.rep("0123456789abcdef", 60000) .. '"}'
    for _, encoding in ipairs { "gzip", "GZIP", "x-gzip", "gzip\r\ncontent-encoding: identity" } do
      wire.each_method(function(c, _, args)
        local body = string.gsub(args.hex, "..", function(digits) return string.char(tonumber(digits, 16)) end)
        c:write("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-encoding: " .. args.encoding
          .. "\r\ncontent-length: " .. #body .. "\r\n\r\n")
        for i = 1, #body, 700 do c:write(string.sub(body, i, i + 699)) end
      end, { args = { hex = hex(packed(text, "-N")), encoding = encoding } }, function(value, err)
        assert.is_truthy(value, tostring(err))
        assert.equal(960000, #value.data.pad)
      end)
    end
  end)

  it("a file that comes packed although it was asked for as it is arrives whole", function()
    local pieces = {}
    for i = 1, 40000 do pieces[i] = string.format("line %d of a contract %d\n", i, i * 7919 % 10007) end
    local text = "%PDF " .. table.concat(pieces) .. string.rep(" ", 3000000)
    local folder = host.folder()
    local args = { path = host.write(folder .. "/packed", packed(text)) }
    local got, longest = {}, 0
    local function sink(bytes) got[#got + 1], longest = bytes, math.max(longest, #bytes) end
    for way, where in pairs { disk = { to = folder .. "/a.pdf" }, sink = { sink = sink }, bytes = {} } do
      local target = wire.faulty(function(c, _, given)
        local file = io.open(given.path, "rb")
        c:reply(200, { "content-type: application/pdf", "content-encoding: gzip" }, file:read "*a")
        file:close()
      end, { args = args })
      local client = wire.client(target, { attempt_timeout = 20, timeout = 20 })
      local value, meta = client:user(wire.SVEN):contract(4711):file(1):download(where)
      assert.is_truthy(value, tostring(meta))
      local whole = way == "disk" and host.read(value) or way == "sink" and table.concat(got) or value
      assert.is_true(whole == text, way)
      assert.equal(#text, meta.bytes)
      client:close()
      target:stop()
    end
    assert.is_true(longest < #text)
  end)
end)
