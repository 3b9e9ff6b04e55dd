-- Answers that are cut, that are no HTTP, or that are no answer.
local uv = require "luv"
local server = require "spec.support.server"
local tls = require "spec.support.tls"
local wire = require "spec.support.wire"

describe("answers:", function()
  after_each(wire.clean)

  it("case 14: 200 without a length, JSON cut short, close: decode, never data", function()
    for _, cut in ipairs { '{"id":4711,"name":"Contr', '{"id":4711', "{", "[1,2", '{"a":"b"', '"4711',
      "tru" } do
      wire.each_method(function(c, _, args)
        c:write("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n", args.cut)
        c:fin()
        return false
      end, { args = { cut = cut } }, wire.fails("decode", "unknown", function(err)
        assert.equal(200, err.status)
      end))
    end
  end)

  it("case 15: conflicting and negative Content-Length: an error within the deadline", function()
    for _, lines in ipairs {
      "content-length: 5\r\ncontent-length: 5000", "content-length: 5000\r\ncontent-length: 5",
      "content-length: -1",
      "content-length: -9223372036854775808", "content-length: 99999999999999999999999",
      "content-length: abc",
    } do
      local start = uv.hrtime()
      wire.each_method(function(c, _, args)
        c:write("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n" .. args.lines .. "\r\n\r\n", '{"id":')
        c:until_closed()
        return false
      end, { args = { lines = lines }, client = { attempt_timeout = 0.2, timeout = 0.3 } },
      function(value, err, method)
        assert.is_nil(value)
        assert.equal("unknown", err.outcome, method .. ": " .. lines)
        assert.is_truthy(err.kind == "connection" or err.kind == "timeout" or err.kind == "decode"
          or err.kind == "limit",
          lines .. ": " .. err.kind)
      end)
      assert.is_true((uv.hrtime() - start) / 1e9 < 2 * wire.slow, "within the deadlines")
    end
  end)

  -- The answer is longer than what libcurl reads at once: so it reads to its end and no further.
  for _, secure in ipairs { false, true } do
    it("what follows an answer is never the answer to the next call" .. (secure and ", over TLS" or ""), function()
      for _, method in ipairs(wire.METHODS) do
        local target = server.start(function(s, args)
          s.serve(function(c)
            if args.good and not c:tls(args.good) then return end
            for request in function() return c:request() end do
              if request.number == 1 then
                local other = '{"id":666,"_private":{"name":"Contract 666"}}'
                local body = '{"id":1,' .. string.rep(" ", 300000) .. '"_private":{"name":"Contract 1"}}'
                c:write("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: " .. #body .. "\r\n\r\n"
                  .. body .. "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: " .. #other
                  .. "\r\n\r\n" .. other)
              else
                c:good(request)
              end
            end
          end)
        end, { good = secure and tls.certificates().good or nil })
        local client = wire.client({ url = secure and target.https or target.url }, { ca_file = tls.certificates().ca })
        local value, err = wire.call(client, method)
        assert.is_truthy(value, tostring(err))
        assert.equal(1, value.data.id)
        wire.good_call(client)
        wire.good_call(client)
        client:close()
        target:stop()
      end
    end)
  end

  local garbage = {
    ["text that is no HTTP"] = "SSH-2.0-OpenSSH_9.2\r\n",
    ["HTTP/0.9: a bare body"] = '{"id":4711,"name":"Contract 4711"}',
    ["binary"] = "\0\1\2\255\254\r\n\r\n",
    ["half a status line"] = "HTTP/1.1 2",
    ["a status that is no number"] = "HTTP/1.1 abc OK\r\ncontent-length: 2\r\n\r\n{}",
    ["a version that is none"] = "HTTP/9.9.9 200 OK\r\ncontent-length: 2\r\n\r\n{}",
    ["a line end"] = "\r\n\r\n",
  }
  for name, bytes in pairs(garbage) do
    it("case 16: garbage instead of HTTP (" .. name .. ") is unknown, never not_sent", function()
      wire.each_method(function(c, _, args)
        c:write((string.gsub(args.hex, "..", function(hex) return string.char(tonumber(hex, 16)) end)))
        c:fin()
        return false
      end, { args = { hex = (string.gsub(bytes, ".", function(b) return string.format("%02x",
        string.byte(b)) end)) } },
      wire.fails("connection", "unknown"))
    end)
  end
end)
