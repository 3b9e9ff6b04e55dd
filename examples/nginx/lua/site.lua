-- The site: the acting user, and a function for each location. Calls return `nil, err`, so handlers test
-- `if not contract`. They never use `assert`, because for an uncaught error object nginx logs only "unknown reason".
local oneflow = require "oneflow"
local failure = require "site.failure"
local html = require "site.html"

local ngx = ngx
local LIST_MAX = 200

local M = {}

local client -- made in the master; each worker opens its own connections

-- Called after every attempt. `orphaned`: the visitor disconnected, and a request that could not be withdrawn ran to
-- its end.
local function on_response(info)
  if not info.orphaned then return end
  ngx.log(info.outcome == "unknown" and ngx.ERR or ngx.WARN, info.operation, " ", info.path, " as ", info.acting_user,
    ": the visitor left; ", info.kind and info.kind .. ", outcome " .. info.outcome or "done", ", status ",
    info.status or "none")
end

--- For init_by_lua: makes the client; on failure nginx does not start. Makes no call.
function M.start()
  local problem
  client, problem = oneflow.client {
    token_file = os.getenv "ONEFLOW_TOKEN_FILE" or "/etc/nginx/oneflow-token",
    base_url = os.getenv "ONEFLOW_BASE_URL", -- none: the service itself
    socket_dir = os.getenv "ONEFLOW_SOCKET_DIR", -- none: /tmp/oneflow-<user id>
    timeout = 20, -- seconds; visitors do not wait longer for a page
    concurrency = 100, -- in one worker; further calls are queued
    app = "example-site/1.0",
    hooks = { on_response = on_response },
  }
  if not client then error(tostring(problem), 0) end
end

--- For access_by_lua, after auth_basic: stores the visitor's user object, whose calls all run as this user and which
--- gives no access to another. (In rewrite_by_lua the name is not verified yet.)
function M.sign_in()
  if not ngx.var.remote_user then return ngx.exit(401) end
  local email = ngx.var.acting_user
  if email == "" then
    return html.page(403, "No access", "You are signed in, but no user of the contract account belongs to your name.")
  end
  local user, err = client:user(email)
  if not user then return failure.page(err) end
  ngx.ctx.user = user
end

function M.home() return ngx.redirect("/contracts") end

function M.missing() return html.page(404, "Nothing here", "There is no such page.") end

local ROW = '<li><a href="/contracts/{id}">{name}</a> ({state})</li>'
local LIST = [[<p>{count} contracts that you may see, signed in as {user}.</p><ul>{rows}</ul>]]

--- The visitor's contracts. `each` raises errors, because a `for` cannot see `nil, err`.
function M.list()
  local rows = {}
  local good, problem = pcall(function()
    for contract in ngx.ctx.user.contracts:each({ sort = "name" }, { max = LIST_MAX }) do
      rows[#rows + 1] = html.fill(ROW, { id = contract.id, name = contract.name, state = contract.state })
    end
  end)
  if not good then return failure.page(problem) end
  local count = #rows == LIST_MAX and "The first " .. LIST_MAX or #rows
  return html.page(200, "Contracts", html.fill(LIST, { count = count, user = ngx.var.remote_user, rows = rows }))
end

local CONTRACT = [[<p>Contract {id} is <strong>{state}</strong>.</p>{form}
<p><a href="/contracts">All contracts</a></p>]]
local FORM = '<form method="post" action="/contracts/{id}/publish"><button>Publish</button></form>'

function M.show()
  local contract, err = ngx.ctx.user:contract(ngx.var.contract_id):get()
  if not contract then return failure.page(err) end
  local id, state = contract.id, contract.state
  return html.page(200, contract.name, html.fill(CONTRACT, {
    id = id, state = state, form = state == "draft" and html.fill(FORM, { id = id }) or "",
  }))
end

--- Publishes the contract, once. A browser sends the visitor's credentials even with a form of another site, but it
--- also sends the origin of the form: only this site's own forms are accepted.
function M.publish()
  if ngx.req.get_method() ~= "POST" then
    ngx.header.allow = "POST"
    return html.page(405, "Not so", "Contracts are published with the button.")
  end
  if ngx.var.http_origin ~= ngx.var.origin then
    return html.page(403, "Not from here", "This was not sent by a form of this site; nothing was done.")
  end
  local id = ngx.var.contract_id
  local contract, err = ngx.ctx.user:contract(id):publish {}
  if not contract then return failure.page(err, "/contracts/" .. id) end
  return ngx.redirect("/contracts/" .. id, 303) -- so that "reload" does not publish again
end

--- Readiness. Has no acting user, so the ping tests only the token.
function M.ready()
  local good, err = client:ping { timeout = 2 }
  if good then return ngx.say "ready" end
  ngx.log(ngx.ERR, "not ready: ", err)
  ngx.status = 503
  return ngx.say("not ready: ", err.kind)
end

return M
