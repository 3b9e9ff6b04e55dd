-- The process's locale: what is sent, read and refused is the same in every one, set before or after loading.
local locales = require "spec.support.locales"
local process = require "spec.support.process"
local server = require "spec.support.server"
local wire = require "spec.support.wire"

-- Runs a function without upvalues in a process of its own, under a locale that is set before the library is loaded,
-- or after it -> the table that it makes.
local function under(which, early, facts, args)
  local child = process.start(function(job)
    local code = string.gsub(job.code, "..", function(hex) return string.char(tonumber(hex, 16)) end)
    local facts_of = (loadstring or load)(code)
    local function enter()
      for _, category in ipairs { "ctype", "collate" } do assert(os.setlocale(job.locale, category)) end
    end
    if job.early then enter() end
    require "oneflow"
    if not job.early then enter() end
    local found = {}
    facts_of(found, job.args)
    os.setlocale "C"
    return found
  end, { locale = locales.names[which] or "C", early = early, code = process.dump(facts), args = args or {} },
    { env = { LOCPATH = locales.path() } })
  return child:result()
end

local function same_everywhere(facts, args)
  local expected = under("C", true, facts, args)
  for which in pairs(locales.names) do
    for _, early in ipairs { true, false } do
      assert.same(expected, under(which, early, facts, args), which .. (early and ", set first" or ", set afterwards"))
    end
  end
  return expected
end

describe("locale:", function()
  after_each(wire.clean)

  it("case 51: letters: extensions, e-mails, header names, custom ids, names of events, error texts", function()
    local found = same_everywhere(function(found)
      local oneflow = require "oneflow"
      local status, body = 200, nil
      local sven = oneflow.client { token = string.rep("t", 40), base_url = "http://127.0.0.1:1/v1",
        transport = function(request)
          found.path = request.path or request.url
          return status, { ["content-type"] = "APPLICATION/JSON" }, body
        end,
      }:user "sven@example.com"
      body = '{"id":30,"parties":[{"id":2,"participants":[{"id":3,"email":"MIRIAM.LINDH@EXAMPLE.COM"}]}]}'
      local contract = assert(sven:contract(30):get())
      found.person = #contract:find_participants { email = "miriam.lindh@example.com" }
      body = '{"id":5}'
      for _, name in ipairs { "PRICELIST.TIFF", "MINI.GIF", "BILL.TIF" } do
        local file, err = contract.files:create { content = "x", name = name, upload_as = "attachment" }
        found[name] = file and "taken" or tostring(err)
      end
      for _, name in ipairs { "AUTHORIZATION", "TRANSFER-ENCODING", "CONNECTION", "COOKIE", "Expect_", "KEEP_ALIVE",
        "X-ONEFLOW-API-TOKEN", "X_ONEFLOW_TIME" } do
        local good, problem = pcall(sven.request, sven, "GET", "/x", { headers = { [name] = "1" } })
        found[name] = good and "sent" or string.match(problem, "is set by the library") or problem
      end
      found.request = sven:request("delete", "/mini") ~= nil
      local _, err = contract:data_field("c::\195\133\194\160re"):update { value = "x" }
      found.custom_id = err and tostring(err) or found.path
      status, body = 400, '{"title":"\195\133ngstr\195\182m\\u0001","detail":"\195\133"}'
      _, err = contract:get()
      found.error = tostring(err)
      found.event = oneflow.webhook.events.CONTRACT_SIGN
      found.sorted = table.concat(require("oneflow.usage").names { _b = 1, B = 1, a = 1, ["\195\133"] = 1 }, " ")
      local _, problem = pcall(oneflow.client, { ["\195\133"] = 1 })
      found.unusual = string.match(problem, "oneflow.client.*")
    end)
    assert.equal(1, found.person)
    assert.equal("taken", found["BILL.TIF"])
    assert.equal("is set by the library", found.AUTHORIZATION)
    assert.equal("/v1/contracts/30/data_fields/c::%C3%85%C2%A0re", found.custom_id)
    assert.truthy(string.find(found.error, "\195\133ngstr\195\182m", 1, true), found.error)
    assert.equal("B _b a \195\133", found.sorted)
  end)

  it("case 51: the names of an answer's headers in capitals", function()
    local target = server.start(function(s)
      s.serve(function(c)
        for request in function() return c:request() end do
          if string.find(request.target, "/files/7", 1, true) then
            c:write("HTTP/1.1 200 OK\r\nCONTENT-TYPE: APPLICATION/PDF\r\nTRANSFER-ENCODING: CHUNKED\r\n\r\n",
              "5\r\nIiIiI\r\n0\r\n\r\n")
          elseif string.find(request.target, "/files/8", 1, true) then
            c:reply(200, { "CONTENT-TYPE: APPLICATION/JSON" }, "{}")
          else
            c:reply(404, { "X-REQUEST-ID: I-1", "CONTENT-TYPE: APPLICATION/JSON" }, '{"title":"TITLE"}')
          end
        end
      end)
    end)
    local found = same_everywhere(function(found, url)
      local client = assert(require("oneflow").client { token = string.rep("t", 40), base_url = url[1] })
      local contract = client:user("sven@example.com"):contract(4711)
      local bytes, err = contract:file(7):download {}
      found.bytes = bytes or tostring(err)
      found.page = tostring((select(2, contract:file(8):download {})))
      local _, refusal = contract:get()
      found.id = refusal and refusal.request_id
      found.title = refusal and refusal.title
      client:close()
    end, { string.gsub(target.url, "localhost", "LOCALHOST") })
    assert.equal("IiIiI", found.bytes)
    assert.truthy(string.find(found.page, "the answer is application/json", 1, true), found.page)
    assert.equal("I-1", found.id)
    assert.equal("TITLE", found.title)
  end)
end)
