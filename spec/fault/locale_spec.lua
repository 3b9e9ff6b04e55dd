-- The process's locale: what is sent, read and refused is the same in every one, set before or after loading.
local host = require "spec.support.host"
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
    local function enter() assert(os.setlocale(job.locale)) end
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

  it("case 51: letters: extensions, e-mails, header names, custom ids, names of events, words of errors", function()
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
      local _, missing = contract.files:create { path = "/none/it is not here.pdf", upload_as = "attachment" }
      found.missing = tostring(missing)
      local _, err = contract:data_field("c::\195\133\194\160re"):update { value = "x" }
      found.custom_id = err and tostring(err) or found.path
      status, body = 400, '{"title":"\195\133ngstr\195\182m\\u0001","detail":"\195\133"}'
      _, err = contract:get()
      found.error = tostring(err)
      found.event = oneflow.webhook.events.CONTRACT_SIGN
      found.sorted = table.concat(require("oneflow.errors.usage").names { _b = 1, B = 1, a = 1, ["\195\133"] = 1 }, " ")
      local _, problem = pcall(oneflow.client, { ["\195\133"] = 1 })
      found.unusual = string.match(problem, "oneflow.client.*")
    end)
    assert.equal(1, found.person)
    assert.equal("taken", found["BILL.TIF"])
    assert.equal("is set by the library", found.AUTHORIZATION)
    assert.equal("/v1/contracts/30/data_fields/c::%C3%85%C2%A0re", found.custom_id)
    assert.truthy(string.find(found.error, "\195\133ngstr\195\182m", 1, true), found.error)
    assert.truthy(string.find(found.missing, "No such file", 1, true), found.missing)
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

  it("case 51: numbers: in answers, bodies, queries, options, webhooks; what was made keeps its id", function()
    local found = same_everywhere(function(found)
      local oneflow = require "oneflow"
      local core = require "oneflow.core"
      local show = math.type and function(n) return (math.type(n) or "") .. core.encode(n) end or core.encode
      local function list(values)
        local texts = {}
        for i = 1, #values do texts[i] = show(values[i]) end
        return table.concat(texts, " ")
      end
      local body, sent
      local sven = oneflow.client { token = string.rep("t", 40), base_url = "http://127.0.0.1:1/v1",
        transport = function(request)
          sent = request
          return 200, { ["content-type"] = "application/json" }, body
        end,
      }:user "sven@example.com"
      for _, text in ipairs { "[731,732,733]", "[7,25]", "[0.25,-1.5e2,12.50]", "[-0.0,0.0,1e2,3.0,-7.125]",
        "[123456789.123456789,0.1,1e-7,2.5E+3,9.87654321e-12]", "[[1,2],[3.5,4]]" } do
        for _, method in ipairs { "GET", "POST" } do
          body = '{"id":1,"path":' .. text .. "}"
          local value, err = sven:request(method, "/x")
          local path = value and (value.path[2] and type(value.path[1]) == "table" and value.path[1] or value.path)
          found[method .. text] = path and list(path) or tostring(err)
        end
      end
      for _, text in ipairs { "1.5", "[0.0e999999,5.0e-999999,17.0]", '{"a\\u0041\\"1.5":[{"b":10.0}]}',
        "[1.7976931348623157e308,2.2250738585072014e-308,0.000000000000000000000000000000000000001]" } do
        found[text] = core.encode(core.decode(text))
      end
      found.too_large = select(3, core.decode "[1.8e308]")
      body = '{"id":1}'
      sven:request("POST", "/x", {
        body = { 2.5, { 1e300, -0.125 }, 1 / 3 }, query = { a = 3.25, b = 1 / 3, c = 1e300 },
      })
      found.body, found.query = sent.body, sent.query
      local hooks = assert(oneflow.webhook.receiver { sign_key = "k" })
      local id = string.rep("c", 40)
      found.hook = hooks:receive('{"contract":{"id":731},"callback_id":"' .. id .. '","signature":"'
        .. oneflow.webhook.sign(id, "k") .. '","events":[{"id":1.0,"type":"contract:sign",'
        .. '"created_time":"2026-06-30T07:15:23+0000"}]}', function() return true end)
      local box = require("oneflow.testing").sandbox {}
      local anna = box:client():user "anna@example.com"
      local made, err = anna.contracts:create { workspace_id = 101, template_id = 201, name = "Numbers" }
      found.made = made and "an id of " .. type(made.id) or tostring(err)
      found.price = require("oneflow.money").multiply("12.50", 3)
      local limited = oneflow.client { token = string.rep("t", 40), base_url = "http://127.0.0.1:1/v1",
        transport = function() return 429, { ["retry-after"] = body }, "" end,
      }:user "sven@example.com"
      for _, text in ipairs { "7", "1,5", "2.5" } do
        body = text
        local refusal = select(2, limited:contract(1):get())
        found["after " .. text] = refusal.retry_after and core.encode(refusal.retry_after) or "none"
      end
    end)
    for _, method in ipairs { "GET", "POST" } do
      assert.truthy(string.find(found[method .. "[731,732,733]"], "731%D+732%D+733$"))
      assert.truthy(string.find(found[method .. "[0.25,-1.5e2,12.50]"], "0%.25 %l*%-150 %l*12%.5$"))
    end
    assert.equal("[2.5,[1e+300,-0.125],0.3333333333333333]", found.body)
    assert.equal("a=3.25&b=0.3333333333333333&c=1e%2B300", found.query)
    assert.equal(200, found.hook)
    assert.equal("an id of number", found.made)
  end)

  -- Runs what happens to a process, in that order, in one of its own; after each the program's lua-cjson is tried, and
  -- ours. Without `ours` the same, as if the library were not there.
  local function history(order, ours)
    local code = [==[
      local program, core
      local function right(list)
        return list[1] == 3 / 2 and list[2] == 20 and list[3] == 30 and list[4] == nil and #list == 3
      end
      local events = {
        program = function() program = require "cjson" end,
        ours = function() core = OURS and require "oneflow.core" end,
        comma = function() assert(os.setlocale "COMMA") end,
        point = function() assert(os.setlocale "C") end,
      }
      for event in string.gmatch("ORDER", "[a-z]+") do
        events[event]()
        if core then
          assert(right(core.decode "[1.5,20,30]") and core.encode { 3 / 2, 20 } == "[1.5,20]", "ours, after " .. event)
        end
        local good, list = pcall(function() return program and program.decode "[1.5,20,30]" end)
        local reads = good and list and right(list)
        local writes = program and program.encode { 3 / 2, 20 } == "[1.5,20]"
        print(event .. (not program and "" or (reads and " reads" or "") .. (writes and " writes" or "")))
      end
    ]==]
    code = string.gsub(code, "%u+", {
      OURS = tostring(ours), COMMA = locales.names.comma, ORDER = table.concat(order, " "),
    })
    local child = process.spawn { host.executable, "-e", code, env = { LOCPATH = locales.path() } }
    local status, _, output, errors = child:wait()
    assert.equal(0, status, table.concat(order, ", ") .. ": " .. errors)
    local lines = {}
    for line in string.gmatch(output, "[^\n]+") do lines[#lines + 1] = line end
    return lines
  end

  it("case 51: the program's own lua-cjson works as without us, in whichever order things happen", function()
    local orders = {}
    local function permute(rest, order)
      if #rest == 0 then orders[#orders + 1] = order end
      for i = 1, #rest do
        local fewer, more = {}, { (table.unpack or unpack)(order) }
        for j = 1, #rest do if j ~= i then fewer[#fewer + 1] = rest[j] end end
        more[#more + 1] = rest[i]
        permute(fewer, more)
      end
    end
    permute({ "program", "ours", "comma", "point" }, {})
    orders[#orders + 1] = { "program", "comma", "ours", "point", "comma", "point" }
    orders[#orders + 1] = { "comma", "program", "ours", "point", "comma" }
    orders[#orders + 1] = { "ours", "comma", "program", "point", "comma" }
    for _, order in ipairs(orders) do
      local without, with = history(order, false), history(order, true)
      assert.equal(#order, #without)
      for i, line in ipairs(without) do
        for word in string.gmatch(line, "%a+") do
          assert.truthy(string.find(with[i], word, 1, true),
            table.concat(order, ", ") .. ": without us `" .. line .. "`, with us `" .. with[i] .. "`")
        end
      end
    end
  end)

  it("case 51: loading where the decimal point has two bytes does not end the process", function()
    local child = process.spawn { host.executable, "-e", [[
      assert(os.setlocale "]] .. locales.names.two_bytes .. [[")
      local core = require "oneflow.core"
      require "oneflow" require "oneflow.testing"
      print(core.encode(core.decode "[1.5,20,-2.5e-3]"))
    ]], env = { LOCPATH = locales.path() } }
    local status, signal, output, errors = child:wait()
    assert.equal("0 0 [1.5,20,-0.0025]", status .. " " .. signal .. " " .. string.gsub(output, "\n", ""), errors)
  end)
end)
