-- Files through a transport in Lua instead of the network, as the in-process sandbox is one.
local oneflow = require "oneflow"
local host = require "spec.support.host"

local function contract_of(transport)
  local client = assert(oneflow.client { token = "token", base_url = "http://localhost/v1", transport = transport })
  return assert(client:user "sven@example.com"):contract(4711)
end

describe("files through a transport:", function()
  it("an upload arrives as the form that would go over the wire", function()
    local seen
    local contract = contract_of(function(request)
      seen = request
      return 200, {}, '{"id":5}'
    end)
    local told = {}
    local file = assert(contract.files:create {
      content = "a\0b", name = "a.pdf", upload_as = "attachment",
      progress = function(done, total) told[#told + 1] = { done, total } end,
    })
    assert.equal(5, file.id)
    assert.equal("POST", seen.method)
    assert.equal("/v1/contracts/4711/files", seen.path)
    local boundary = assert(string.match(seen.headers["content-type"], "^multipart/form%-data; boundary=(%x+)$"))
    assert.equal(table.concat({
      "--" .. boundary, 'Content-Disposition: form-data; name="upload_as"', "", "attachment",
      "--" .. boundary, 'Content-Disposition: form-data; name="file"; filename="a.pdf"',
      "Content-Type: application/pdf", "", "a\0b", "--" .. boundary .. "--", "",
    }, "\r\n"), seen.body)
    assert.equal(1, #told)
  end)

  it("a download goes where it is wanted, also from a storage host, which gets no credential", function()
    for _, step in ipairs { "direct", "storage" } do
      local contract = contract_of(function(request)
        if step == "storage" and not request.url then
          return 302, { location = "https://storage.example/k?s=1" }, ""
        end
        if request.url then
          assert.equal("https://storage.example/k?s=1", request.url)
          assert.is_nil(request.token_sha256)
          assert.same({ accept = "*/*" }, request.headers)
        else
          assert.equal("download=true", request.query)
        end
        return 200, { ["content-type"] = "application/pdf" }, "%PDF-1.7"
      end)
      local file, folder = contract:file(1), host.folder()
      assert.equal("%PDF-1.7", (assert(file:download())))
      local value, meta = assert(file:download { to = folder .. "/a.pdf" })
      assert.equal(folder .. "/a.pdf", value)
      assert.equal(8, meta.bytes)
      assert.equal("%PDF-1.7", host.read(value))
      local got
      assert.is_true((assert(file:download { sink = function(chunk) got = chunk end })))
      assert.equal("%PDF-1.7", got)
      local none, err = file:download { sink = function() return nil, "no more" end }
      assert.is_nil(none)
      assert.equal("cancelled", err.kind)
      assert.matches("no more", tostring(err))
    end
  end)
end)
