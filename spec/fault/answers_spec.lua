-- Answers that are truncated, not HTTP, or not answers.
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
                local body = '{"id":4711,"_private":{"name":"Contract 1"},' .. string.rep(" ", 300000)
                  .. '"state":"pending"}'
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
        assert.equal("Contract 1", value.name)
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

  -- Answers without a length: libcurl takes what it has of their header lines for all there is. Each contract is
  -- answered with as many bytes as its number says.
  local function cutting(head)
    return server.start(function(s, args)
      s.serve(function(c)
        local request = c:request()
        if not request then return end
        local cut = tonumber(string.match(request.target, "/contracts/(%d+)"))
        if cut == 4711 then return c:good(request) end
        c:write(string.sub(args.head, 1, cut))
        c:fin()
      end)
    end, { head = head })
  end

  local calls = {
    { "delete", function(contract) return contract:delete() end },
    { "POST", function(contract) return contract:publish { subject = "s", message = "m" } end },
    { "download", function(contract) return contract:file(1):download {} end },
    { "GET", function(contract) return contract:get() end },
    { "GET, undecoded", function(contract) return contract:get { decode = false } end },
    { "POST, undecoded", function(contract) return contract:publish({ subject = "s" }, { decode = false }) end },
    { "upload", function(contract)
      return contract.files:create { content = "%PDF", name = "a.pdf", upload_as = "attachment" }
    end },
  }
  local heads = {
    ["a 200"] = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-request-id: a1\r\n\r\n",
    ["a 204"] = "HTTP/1.1 204 No Content\r\nx-request-id: a1\r\n\r\n",
    ["a 401"] = "HTTP/1.1 401 Unauthorized\r\nretry-after: 1\r\n\r\n",
    ["a 302"] = "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:9/\r\n\r\n",
    ["a 200 after a 103"] = "HTTP/1.1 103 Early Hints\r\nlink: <a>\r\n\r\nHTTP/1.1 200 OK\r\nx-request-id: a1\r\n\r\n",
    ["a 200 with bare line feeds"] = "HTTP/1.1 200 OK\ncontent-type: application/json\n\n",
  }
  for name, head in pairs(heads) do
    for _, threaded in ipairs { false, true } do
      it(string.format("case 53: the header lines of %s cut at any byte, %s: connection, unknown", name,
        threaded and "I/O thread" or "inline"), function()
        local target = cutting(head)
        local client = wire.client(target, { timeout = 5, attempt_timeout = 5 })
        local sven, oneflow = client:user(wire.SVEN), require "oneflow"
        local last, count = name == "a 200" and #calls or 3, 0
        local function check(call, cut, value, err)
          local where = string.format("%s, cut at byte %d of %d: %s", call, cut, #head, tostring(err))
          assert.is_nil(value, where)
          wire.check_error(err)
          assert.same({ "connection", "unknown" }, { err.kind, err.outcome }, where)
          assert.is_nil(err.status, where)
          assert.is_nil(err.retry_after, where)
          assert.is_nil(err.request_id, where)
          count = count + 1
        end
        if threaded then
          local gatherer = oneflow.gatherer { concurrency = 8 }
          for cut = 1, #head - 1 do
            for i = 1, last do
              gatherer:add(function() return calls[i][2](sven:contract(cut)) end,
                function(value, err) check(calls[i][1], cut, value, err) end)
            end
          end
          gatherer:wait()
        else
          for cut = 1, #head - 1 do
            for i = 1, last do check(calls[i][1], cut, calls[i][2](sven:contract(cut))) end
          end
        end
        assert.equal((#head - 1) * last, count)
        assert.equal(count, #target:journal(), "each once")
        wire.good_call(client)
      end)
    end
  end

  it("case 53: a 401 that is cut in its header lines asks for no other token, and nothing is sent again", function()
    local target = cutting "HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n"
    local asked = 0
    local client = wire.client(target, { token = function()
      asked = asked + 1
      return wire.TOKEN .. (asked > 1 and "2" or "")
    end })
    local value, err = client:user(wire.SVEN):contract(30):publish { subject = "s" }
    assert.is_nil(value)
    assert.same({ "connection", "unknown", 1 }, { err.kind, err.outcome, err.attempts })
    assert.equal(1, asked)
    assert.equal(1, #target:journal())
  end)

  it("header lines after the body are ignored", function()
    wire.each_method(function(c)
      c:write("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-request-id: before\r\n"
        .. 'transfer-encoding: chunked\r\n\r\nb\r\n{"id":4711}\r\n0\r\nx-request-id: trailer\r\n'
        .. "HTTP/1.1: 500\r\n\r\n")
    end, {}, function(value, err)
      assert.is_truthy(value, tostring(err))
      assert.equal("before", value.meta.request_id)
    end)
  end)
end)
