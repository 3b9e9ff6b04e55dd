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
end)
