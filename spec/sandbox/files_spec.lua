-- Files: PDFs with real bytes, uploads, limits, downloads at once and from the storage.
local core = require "oneflow.core"
local host = require "spec.support.host"
local process = require "spec.support.process"
local requests = require "spec.sandbox.requests"
local testing = require "oneflow.testing"

local ANNA = "anna@example.com"
local BOUNDARY = "----a boundary-7"

-- Is this a PDF whose table says where its objects are?
local function assert_pdf(bytes)
  assert.equal("%PDF-1.4", string.sub(bytes, 1, 8))
  assert.truthy(string.find(bytes, "%%EOF\n$"))
  local at = tonumber(string.match(bytes, "startxref\n(%d+)\n"))
  assert.equal("xref", string.sub(bytes, at + 1, at + 4))
  local count = 0
  for offset in string.gmatch(string.sub(bytes, at + 1), "(%d+) 00000 n") do
    count = count + 1
    local heading = string.format("%d 0 obj\n", count)
    assert.equal(heading, string.sub(bytes, tonumber(offset) + 1, tonumber(offset) + #heading))
  end
  assert.equal(count + 1, tonumber(string.match(bytes, "/Size (%d+)")))
  for length, stream in string.gmatch(bytes, "/Length (%d+) >>\nstream\n(.-)\nendstream") do
    assert.equal(tonumber(length), #stream)
  end
end

local function upload_body(as, name, bytes)
  return table.concat{
    "a preamble\r\n--", BOUNDARY, '\r\nContent-Disposition: form-data; name="upload_as"\r\n\r\n', as,
    "\r\n--", BOUNDARY, '  \r\ncontent-disposition: form-data; name="file"; filename="', name,
    '"\r\nContent-Type: application/octet-stream\r\n\r\n', bytes, "\r\n--", BOUNDARY, "--\r\nan epilogue",
  }
end

describe("files", function()
  local box, call
  before_each(function()
    box = testing.sandbox()
    call = requests.in_process(box)
  end)

  local function upload(as, name, bytes, id)
    return call("POST", "/contracts/" .. (id or 4711) .. "/files", {
      user = ANNA, body = upload_body(as, name, bytes),
      content_type = 'multipart/form-data; boundary="' .. BOUNDARY .. '"',
    })
  end

  local function list(id)
    local names = {}
    for i, file in ipairs(select(2, call("GET", "/contracts/" .. (id or 4711) .. "/files")).data) do
      names[i] = file.type .. ":" .. file.name .. "." .. file.extension
    end
    return names
  end

  local function download(id, file)
    return call("GET", string.format("/contracts/%d/files/%d", id, file), { query = "download=true" })
  end

  it("of a contract: its PDF, always, with real bytes", function()
    assert.same({ "contract:Service agreement - Example Customer AB.pdf" }, list())
    local status, bytes, headers = download(4711, 1)
    assert.same({ 200, "application/pdf" }, { status, headers["content-type"] })
    assert_pdf(bytes)
    assert.truthy(string.find(bytes, "Cecilia Customer", 1, true))
    call("PUT", "/contracts/4711", { user = ANNA, body = '{"_private":{"name":"Bj\195\182rn (\\\\) \226\130\172"}}' })
    bytes = select(2, download(4711, 1))
    assert_pdf(bytes)
    assert.truthy(string.find(bytes, "(Bj\246rn \\(\\\\\\) ?)", 1, true))
    assert.equal("contract", select(2, call("GET", "/contracts/4711/files/1")).type)
    for _, id in ipairs{ 2, 99 } do assert.equal(404, (download(4711, id))) end
    assert.equal(404, (call("GET", "/contracts/4711/files/x")))
  end)

  it("of a long contract: a PDF of several pages", function()
    local pdf = require "oneflow.sandbox.pdf"
    local lines = {}
    for i = 1, 120 do lines[i] = "Line " .. i end
    assert_pdf(pdf.document(lines))
    assert.truthy(string.find(pdf.document(lines), "/Count 3", 1, true))
    assert_pdf(pdf.document{})
  end)

  it("of a contract that was signed early: its verification too", function()
    assert.same({ "contract:Yearly maintenance.pdf" }, list(4713))
    local seed = core.decode((assert(core.encode(require "oneflow.sandbox.seed"))))
    local contract = seed.accounts[1].contracts[3]
    contract.created_time, contract.published_time = "2024-01-01T08:00:00+00:00", "2024-01-02T08:00:00+00:00"
    contract.state_updated_time = "2024-01-15T13:59:59+01:00"
    box = testing.sandbox{ seed = seed }
    call = requests.in_process(box)
    assert.same({ "contract:Yearly maintenance.pdf", "verification:Verification.pdf" }, list(4713))
    local _, bytes = download(4713, 2)
    assert_pdf(bytes)
    assert.truthy(string.find(bytes, "Maja Maintained", 1, true))
  end)

  it("come as attachments, byte for byte", function()
    local bytes = string.rep("\0\r\n--x" .. BOUNDARY .. "\255", 100)
    local status, file = upload("attachment", "Price list.XLSX", bytes)
    assert.same({ 200, "Price list", "xlsx", "attachment" }, { status, file.name, file.extension, file.type })
    local _, got, headers = download(4711, file.id)
    assert.equal(bytes, got)
    assert.equal("application/octet-stream", headers["content-type"])
    assert.truthy(string.find(headers["content-disposition"], 'filename="Price list.xlsx"', 1, true))
    assert.equal(200, (upload("attachment", "empty.txt", "")))
    assert.equal(3, #list())
    local page = select(2, call("GET", "/contracts/4711/files", { query = "sort=-extension,name" }))
    assert.same({ "xlsx", "txt", "pdf" }, { page.data[1].extension, page.data[2].extension, page.data[3].extension })
  end)

  it("as the PDF section: the second one replaces the first", function()
    assert.equal(200, (upload("expanded_pdf", "main.pdf", "%PDF-1")))
    assert.equal(200, (upload("expanded_pdf", "better.pdf", "%PDF-2")))
    assert.same({ "contract:Service agreement - Example Customer AB.pdf", "expanded_pdf:better.pdf" }, list())
    assert.equal(400, (upload("expanded_pdf", "main.txt", "x")))
  end)

  it("are refused: extension, size, number, what is no form, no room, signed", function()
    local function problem(path, ...)
      local status, answer = upload(...)
      assert.equal(400, status)
      assert.is_table(answer.parameter_problems[path])
    end
    problem("file", "attachment", "virus.exe", "x")
    problem("file", "attachment", "noextension", "x")
    problem("upload_as", "document", "a.pdf", "x")
    problem("file", "attachment", "large.pdf", string.rep("x", 20000001))
    for i = 1, 2 do assert.equal(200, (upload("attachment", i .. ".pdf", string.rep("x", 20000000)))) end
    problem("file", "attachment", "3.pdf", string.rep("x", 10000001))
    assert.equal(200, (upload("attachment", "3.pdf", string.rep("x", 10000000))))
    local ids = box:add_contracts(1)
    for i = 1, 30 do assert.equal(200, (upload("attachment", i .. ".txt", "x", ids[1]))) end
    local status, answer = upload("attachment", "31.txt", "x", ids[1])
    assert.equal(400, status)
    assert.truthy(string.find(answer.parameter_problems.file[1], "30", 1, true))
    for _, options in ipairs{
      { body = "{}", content_type = "application/json" }, { body = "x", content_type = "multipart/form-data" }, {},
      { body = "--b\r\n\r\nx", content_type = "multipart/form-data; boundary=b" },
      { body = '--b\r\nContent-Disposition: form-data; name="upload_as"\r\n\r\nattachment\r\n--b--\r\n',
        content_type = "multipart/form-data; boundary=b" },
    } do
      options.user = ANNA
      assert.equal(400, (call("POST", "/contracts/4711/files", options)))
    end
    assert.equal(409, (upload("attachment", "a.txt", "x", 4713)))
    assert.equal(403, (call("POST", "/contracts/4711/files", { user = "viewer@example.com", body = "" })))
    box:set_role(ANNA, 102, "user")
    problem("upload_as", "attachment", "a.txt", "x", 4712) -- its template has no room
    problem("upload_as", "expanded_pdf", "a.pdf", "x", 4712)
  end)

  it("of a template", function()
    local _, file = call("GET", "/templates/201/files/291")
    assert.same({ "Terms", "pdf" }, { file.name, file.extension })
    local _, bytes = call("GET", "/templates/201/files/291", { query = "download=true" })
    assert_pdf(bytes)
    assert.equal(404, (call("GET", "/templates/201/files/1")))
    assert.equal(404, (call("GET", "/templates/201/files/291", { user = "sven@example.com" })))
  end)

  it("come from the storage when that is chosen: signed, for a minute, without credentials", function()
    box:set_downloads "redirect"
    local status, body, headers = download(4711, 1)
    assert.same({ 302, "" }, { status, body })
    local path, query = string.match(headers.location, "^http://127.0.0.1(/_storage/[^?]+)%?(.*)$")
    local function fetch(options)
      options.outside, options.query = true, options.query or query
      return call("GET", options.path or path, options)
    end
    local bytes
    status, bytes, headers = fetch{}
    assert.same({ 200, "binary/octet-stream" }, { status, headers["content-type"] })
    assert_pdf(bytes)
    assert.equal(403, (fetch{ path = string.gsub(path, "4711", "4712") }))
    assert.equal(403, (fetch{ query = string.gsub(query, "expires=", "expires=9") }))
    assert.equal(403, (fetch{ query = "" }))
    assert.equal(400, (fetch{ query = "expires=1&expires=2" }))
    assert.equal(400, (fetch{ token = box.token }))
    assert.equal(400, (fetch{ user = ANNA }))
    local journal = box:journal()
    assert.same({ "start", ANNA }, { journal[#journal - 1].token, journal[#journal].user_email })
    box:advance(61)
    assert.equal(403, (fetch{}))
    local _, _, template = call("GET", "/templates/201/files/291", { query = "download=true" })
    path, query = string.match(template.location, "^http://127.0.0.1(/_storage/[^?]+)%?(.*)$")
    assert.equal(200, (fetch{}))
    box:set_downloads "bytes"
    assert.equal(200, (download(4711, 1)))
  end)
end)

describe("files through nginx", function()
  local box, folder
  setup(function()
    box = testing.server()
    folder = host.folder()
  end)
  before_each(function() box:reset() end)
  teardown(function()
    box:stop()
    process.clean()
    host.remove(folder)
  end)

  local function curl(...)
    local command = { "curl", "-s", "-H", "Expect:", ... }
    local code, _, output = process.spawn(command):wait()
    assert.equal(0, code)
    return output
  end

  it("are uploaded by curl and come back the same, at once and from the storage", function()
    local token, user = "x-oneflow-api-token: " .. box.token, "x-oneflow-user-email: " .. ANNA
    local path, bytes = folder .. "/a.pdf", "%PDF-" .. string.rep("\0\1\2\r\n", 100000)
    host.write(path, bytes)
    local made = core.decode(curl("-H", token, "-H", user, "-F", "upload_as=attachment", "-F", "file=@" .. path,
      box.base_url .. "/contracts/4711/files"))
    assert.same({ "a", "attachment" }, { made.name, made.type })
    local url = string.format("%s/contracts/4711/files/%d?download=true", box.base_url, made.id)
    assert.equal(bytes, curl("-H", token, url))
    box:set_downloads "redirect"
    local location = string.match(curl("-i", "-H", token, url), "\r\n[Ll]ocation: ([^\r\n]+)")
    assert.equal(bytes, curl(location))
    assert.truthy(string.find(curl("-H", token, location), "takes no credentials", 1, true))
  end)

  it("of any size are made as they are sent, the same in-process", function()
    local size = 50000001
    local id = box:add_file(4711, "large.bin", size)
    local url = string.format("%s/contracts/4711/files/%d?download=true", box.base_url, id)
    local digest = string.match(host.shell("curl -sS -H 'x-oneflow-api-token: " .. box.token .. "' '" .. url
      .. "' | sha256sum"), "%x+")
    local here = testing.sandbox()
    local _, bytes = requests.in_process(here)("GET",
      string.format("/contracts/4711/files/%d", here:add_file(4711, "large.bin", size)), { query = "download=true" })
    assert.equal(size, #bytes)
    assert.equal(core.sha256(bytes), digest)
    assert.has_error(function() here:add_file(4711, "noextension", 1) end)
  end)

  it("that are too large are refused in the service's shape", function()
    local path = folder .. "/large.pdf"
    host.write(path, string.rep("x", 20000001))
    local answer = core.decode(curl("-H", "x-oneflow-api-token: " .. box.token, "-H", "x-oneflow-user-email: " .. ANNA,
      "-F", "upload_as=attachment", "-F", "file=@" .. path, box.base_url .. "/contracts/4711/files"))
    assert.equal(400, answer.status)
    assert.is_table(answer.parameter_problems.file)
  end)

  it("an access link is a page for a browser", function()
    local _, contract = requests.over_http(box)("POST", "/contracts/4711/publish", { user = ANNA })
    local person = contract.parties[2].participants[1]
    local _, answer = requests.over_http(box)("POST",
      string.format("/contracts/4711/participants/%d/access_link", person.id), { user = ANNA })
    assert.truthy(string.find(curl(answer.access_link), "<button>Sign</button>", 1, true))
    curl("-X", "POST", answer.access_link .. "/sign")
    assert.truthy(string.find(curl(answer.access_link), "signed", 1, true))
    local _, after = requests.over_http(box)("GET", "/contracts/4711")
    assert.equal("signed", after.state)
  end)
end)
