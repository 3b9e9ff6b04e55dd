-- Token and e-mail are checked by byte before anything leaves, and a refused value is never shown.
local core = require "oneflow.core"
local host = require "spec.support.host"
local oneflow = require "oneflow"
local wire = require "spec.support.wire"

local function nothing_arrived(target)
  local journal, accepted = target:journal()
  assert.equal(0, #journal)
  assert.equal(0, accepted)
end

local tokens = {
  ["CR"] = "tok\rSECRET", ["LF"] = "tok\nSECRET",
    ["CRLF and a header"] = "SECRET\r\nx-oneflow-user-email: anna@example.com",
  ["NUL"] = "SECRET\0tail", ["0x7F"] = "SECRET\127", ["non-ASCII"] = "SECRET\195\165",
    ["0xFF"] = "SECRET\255", ["empty"] = "",
  ["10 KB"] = "SECRET" .. string.rep("x", 10240), ["256 bytes"] = "SECRET" .. string.rep("x", 250),
    ["blank"] = "SECRET token",
  ["leading blank"] = " SECRET", ["trailing blank"] = "SECRET ", ["tab"] = "SECRET\tx",
    ["trailing newline"] = "SECRET\n",
}

local function refused(value, err, what)
  assert.is_nil(value, what)
  local text = wire.check_error(err)
  assert.equal("validation", err.kind, what .. ": " .. text)
  assert.equal("not_sent", err.outcome)
  local function search(item, seen)
    if type(item) == "table" and not seen[item] then
      seen[item] = true
      for key, inner in pairs(item) do search(key, seen) search(inner, seen) end
    elseif type(item) == "string" then
      assert.is_nil(string.find(item, "SECRET", 1, true), what .. " is shown: " .. item)
    end
  end
  search(text, {})
  for _, name in ipairs { "title", "detail", "problems", "code", "acting_user",
    "request_id" } do search(err[name], {}) end
  return text
end

describe("credentials:", function()
  after_each(wire.clean)

  for name, token in pairs(tokens) do
    it("case 32: a token with " .. name .. " is refused and not shown, from a string, a function and a file",
      function()
      local target = wire.healthy()
      local value, err = oneflow.client { base_url = target.url, token = token }
      refused(value, err, "string")

      local client = assert(oneflow.client { base_url = target.url, token = function() return token end })
      for _, method in ipairs(wire.METHODS) do
        value, err = wire.call(client, method)
        refused(value, err, "function, " .. method)
      end

      if name ~= "trailing newline" then -- one line end at the end of a file is the editor's
        local path = host.write(host.folder() .. "/token", token)
        host.shell("chmod 600 " .. path)
        value, err = oneflow.client { base_url = target.url, token_file = path }
        refused(value, err, "file")
      end
      nothing_arrived(target)
    end)
  end

  it("case 32: the longest and the shortest good token travel as they are", function()
    for _, token in ipairs { "x", string.rep("x", 255), "!#$%&'*+-./:;<=>?@[]^_`{|}~\"()," } do
      local target = wire.healthy()
      local client = assert(oneflow.client { base_url = target.url, token = token })
      wire.good_call(client)
      assert.equal(token, target:journal()[1].headers["x-oneflow-api-token"])
      target:stop()
    end
  end)

  it("case 32: a token function that gives no string fails the call, sends nothing, and the client lives on",
    function()
    local target = wire.healthy()
    local given
    local client = assert(oneflow.client { base_url = target.url, token = function() return given end })
    for _, wrong in ipairs { 0, false, 12, true, {} } do
      given = wrong ~= 0 and wrong or nil
      local ok, value, err = pcall(wire.call, client, "GET")
      if ok then refused(value, err, "token function giving a " .. type(given)) end
    end
    nothing_arrived(target)
    given = wire.TOKEN
    wire.good_call(client)
  end)

  it("a token file that others can read, that is missing or no file is refused", function()
    local folder = host.folder()
    local path = host.write(folder .. "/token", wire.TOKEN)
    for _, mode in ipairs { "644", "640", "604", "620", "602" } do
      host.shell("chmod " .. mode .. " " .. path)
      refused(nil, select(2, oneflow.client { token_file = path }), "mode " .. mode)
    end
    refused(nil, select(2, oneflow.client { token_file = folder .. "/none" }), "missing")
    refused(nil, select(2, oneflow.client { token_file = folder }), "folder")
    refused(nil, select(2, oneflow.client { token_file = "/dev/zero" }), "device")
    refused(nil, select(2, oneflow.client { token_env = "ONEFLOW_SPEC_NOT_SET" }), "variable")
  end)

  local emails = {
    ["CR"] = "SECRET\r@example.com", ["LF"] = "SECRET\n@example.com",
      ["LF at the end"] = "SECRET@example.com\n",
    ["CRLF and a header"] = "SECRET@example.com\r\nx-oneflow-api-token: other",
      ["NUL"] = "SECRET\0@example.com",
    ["NUL at the end"] = "SECRET@example.com\0", ["0x7F"] = "SECRET\127@example.com",
      ["non-ASCII"] = "SECRET\195\165@example.com",
    ["10 KB"] = "SECRET@" .. string.rep("x", 10240), ["255 bytes"] = "SECRET@" .. string.rep("x", 248),
    ["__CREATOR__"] = "__CREATOR__", ["no @"] = "SECRET.example.com", ["two @"] = "SECRET@example@com",
      ["nothing before @"] = "@SECRET.com",
    ["nothing after @"] = "SECRET@", ["only @"] = "@@@", ["a blank before"] = " SECRET@example.com",
      ["a blank after"] = "SECRET@example.com ",
    ["a blank within"] = "SEC RET@example.com", ["a tab"] = "SECRET\t@example.com", ["2 bytes"] = "a@",
  }

  for name, email in pairs(emails) do
    it("case 32: an e-mail with " .. name
      .. " is refused and not shown, as a user, per call and in a user record", function()
      local target = wire.healthy()
      local client = wire.client(target)
      local user, err = client:user(email)
      refused(user, err, "user")
      for _, method in ipairs(wire.METHODS) do
        local value
        value, err = wire.call(client, method, { as = email })
        refused(value, err, "as, " .. method)
      end
      -- its record, as a service would send it that keeps such a user
      local odd = assert(oneflow.client { token = wire.TOKEN, base_url = target.url, transport = function()
        return 200, {}, core.encode { data = { { id = 1, email = email } } }
      end })
      local record = assert(odd.users:list(nil, { as = wire.SVEN }))[1]
      refused(nil, select(2, odd:user(record)), "record")
      refused(nil, select(2, odd:contract(4711):get { as = record }), "as, record")
      nothing_arrived(target)
      wire.good_call(client)
    end)
  end

  it("case 32: the longest and the shortest good e-mail travel as they are", function()
    local target = wire.healthy()
    local client = wire.client(target)
    for i, email in ipairs { "a@b", string.rep("x", 120) .. "@" .. string.rep("y", 133),
      "o'brien+\"x\"@[127.0.0.1]" } do
      assert(client:user(email))
      assert(client:contract(4711):get { as = email })
      assert.equal(email, target:journal()[i].headers["x-oneflow-user-email"])
    end
  end)

  it("case 32: headers of a request: the two credentials, hop headers, and bytes that inject are refused",
    function()
    local target = wire.healthy()
    local client = wire.client(target)
    local sven = assert(client:user(wire.SVEN))
    for _, pair in ipairs {
      { "x-oneflow-api-token", "SECRET" }, { "X-Oneflow-User-Email", "SECRET@example.com" },
      { "Host", "SECRET" },
      { "Connection", "close" }, { "Transfer-Encoding", "chunked" }, { "Content-Length", "5" },
      { "Expect", "100-continue" },
      { "Authorization", "SECRET" }, { "TE", "trailers" }, { "Upgrade", "h2c" },
      { "Proxy-Authorization", "SECRET" },
      { "Keep-Alive", "5" }, { "Trailer", "x" }, { "Proxy-Connection", "x" },
      { "x-a\r\nx-b", "1" }, { "x a", "1" }, { "", "1" }, { "x-a:", "1" },
    } do
      local good, message = pcall(sven.request, sven, "GET", "/contracts/4711", { headers = { [pair[1]] = pair[2] } })
      assert.is_false(good, pair[1])
      assert.equal("string", type(message))
      assert.is_nil(string.find(message, "SECRET", 1, true), message)
    end
    for _, text in ipairs { "SECRET\r\nx-oneflow-user-email: anna@example.com", "a\nb", "a\0b", "", "\195\165" } do
      local value, err = sven:request("GET", "/contracts/4711", { headers = { ["x-a"] = text } })
      refused(value, err, text)
    end
    nothing_arrived(target)
    assert(sven:request("GET", "/contracts/4711", { headers = { ["x-a"] = "1" } }))
    assert.equal("1", target:journal()[1].headers["x-a"])
  end)
end)
