-- Certificates for the specs, made once a run with the openssl command.
local host = require "spec.support.host"

local M = {}
local made

--- -> { ca = path, good = { cert, key }, wrong_host = ..., expired = ..., self_signed = ... }
--- "good" is for localhost, 127.0.0.1 and oneflow.test.
function M.certificates()
  if made then return made end
  local folder = host.folder()
  local result = { ca = folder .. "/ca.pem" }
  local script = { "cd '" .. folder .. "'",
    "openssl ecparam -name prime256v1 -genkey -noout -out ca.key",
    "openssl req -x509 -new -key ca.key -sha256 -days 30 -subj '/CN=oneflow specs' -out ca.pem",
    "mkdir -p db && : > db/index.txt && echo 01 > db/serial" }
  host.write(folder .. "/ca.cnf", [[
[ca]
default_ca = specs
[specs]
database = db/index.txt
serial = db/serial
new_certs_dir = db
certificate = ca.pem
private_key = ca.key
default_md = sha256
policy = anything
copy_extensions = copy
unique_subject = no
[anything]
commonName = supplied
]])
  local function issue(name, subject, names, dates)
    result[name] = { cert = folder .. "/" .. name .. ".pem", key = folder .. "/" .. name .. ".key" }
    script[#script + 1] = string.format("openssl ecparam -name prime256v1 -genkey -noout -out %s.key", name)
    script[#script + 1] = string.format(
      "openssl req -new -key %s.key -subj '/CN=%s' -addext 'subjectAltName=%s' -out %s.csr", name, subject,
      names, name)
    script[#script + 1] = string.format(
      "openssl ca -batch -notext -config ca.cnf -in %s.csr -out %s.pem %s", name, name, dates)
  end
  local names = "DNS:localhost,DNS:oneflow.test,IP:127.0.0.1"
  issue("good", "localhost", names, "-days 20")
  issue("wrong_host", "elsewhere.example", "DNS:elsewhere.example", "-days 20")
  issue("expired", "localhost", names, "-startdate 200101000000Z -enddate 200201000000Z")
  result.self_signed = { cert = folder .. "/self.pem", key = folder .. "/self.key" }
  script[#script + 1] = "openssl ecparam -name prime256v1 -genkey -noout -out self.key"
  script[#script + 1] = "openssl req -x509 -new -key self.key -sha256 -days 20 -subj '/CN=localhost' "
    .. "-addext 'subjectAltName=" .. names .. "' -out self.pem"
  host.shell(table.concat(script, " && "))
  made = result
  return made
end

return M
