-- The site: who acts, and a function for each location. Calls give `nil, err` and handlers ask `if not contract`;
-- never `assert`, since of an error object that nobody catches nginx logs "unknown reason" only.
local oneflow = require "oneflow"
local failure = require "site.failure"
local html = require "site.html"

local ngx = ngx
local LIST_MOST = 200

local M = {}

local client -- of this worker: made in the master, it starts again in each worker

-- Told of every attempt; `orphaned`: the visitor went away, and what could not be taken back ran to its end.
local function on_response(info)
  if not info.orphaned then return end
  ngx.log(info.outcome == "unknown" and ngx.ERR or ngx.WARN, info.operation, " ", info.path, " as ", info.acting_user,
    ": the visitor left; ", info.kind and info.kind .. ", outcome " .. info.outcome or "done", ", status ",
    info.status or "none")
end

--- For init_by_lua: the client, or nginx does not start. No call is made.
function M.start()
  local problem
  client, problem = oneflow.client {
    token_file = os.getenv "ONEFLOW_TOKEN_FILE" or "/etc/nginx/oneflow-token",
    base_url = os.getenv "ONEFLOW_BASE_URL", -- none: the service itself
    socket_dir = os.getenv "ONEFLOW_SOCKET_DIR", -- none: /tmp/oneflow-<user id>
    timeout = 20, -- seconds; nobody looks at an empty page for longer
    concurrency = 100, -- of one worker; more calls wait for their turn
    app = "example-site/1.0",
    hooks = { on_response = on_response },
  }
  if not client then error(tostring(problem), 0) end
end

--- For access_by_lua, behind auth_basic: from here on the visitor is a view, which acts as this one user and leads
--- to no other. (In rewrite_by_lua the name is not checked yet.)
function M.sign_in()
  if not ngx.var.remote_user then return ngx.exit(401) end
  local email = ngx.var.acting_user
  if email == "" then
    return html.page(403, "No access", "You are signed in, but no user of the contract account belongs to your name.")
  end
  local view, err = client:user(email)
  if not view then return failure.page(err) end
  ngx.ctx.view = view
end

function M.home() return ngx.redirect("/contracts") end

function M.missing() return html.page(404, "Nothing here", "There is no such page.") end

local ROW = '<li><a href="/contracts/{id}">{name}</a> ({state})</li>'
local LIST = [[<p>{count} contracts that you may see, signed in as {user}.</p><ul>{rows}</ul>]]

--- The visitor's contracts. `each` raises, since a `for` cannot see `nil, err`.
function M.list()
  local rows = {}
  local good, problem = pcall(function()
    for contract in ngx.ctx.view.contracts:each({ sort = "name" }, { max = LIST_MOST }) do
      rows[#rows + 1] = html.fill(ROW, { id = contract.id, name = contract.name, state = contract.state })
    end
  end)
  if not good then return failure.page(problem) end
  local count = #rows == LIST_MOST and "The first " .. LIST_MOST or #rows
  return html.page(200, "Contracts", html.fill(LIST, { count = count, user = ngx.var.remote_user, rows = rows }))
end

local CONTRACT = [[<p>Contract {id} is <strong>{state}</strong>.</p>{form}
<p><a href="/contracts">All contracts</a></p>]]
local FORM = '<form method="post" action="/contracts/{id}/publish"><button>Publish</button></form>'

function M.show()
  local contract, err = ngx.ctx.view:contract(ngx.var.contract_id):get()
  if not contract then return failure.page(err) end
  local id, state = contract.id, contract.state
  return html.page(200, contract.name, html.fill(CONTRACT, {
    id = id, state = state, form = state == "draft" and html.fill(FORM, { id = id }) or "",
  }))
end

--- Publishes, once. A browser sends the sign-in along with whatever form another site made it send, but also says
--- which site's form it is: only this one's count.
function M.publish()
  if ngx.req.get_method() ~= "POST" then
    ngx.header.allow = "POST"
    return html.page(405, "Not so", "Contracts are published with the button.")
  end
  if ngx.var.http_origin ~= ngx.var.origin then
    return html.page(403, "Not from here", "This was not sent by a form of this site; nothing was done.")
  end
  local id = ngx.var.contract_id
  local contract, err = ngx.ctx.view:contract(id):publish {}
  if not contract then return failure.page(err, "/contracts/" .. id) end
  return ngx.redirect("/contracts/" .. id, 303) -- so that "reload" does not publish again
end

--- Readiness. As nobody: a ping tests the token alone.
function M.ready()
  local good, err = client:ping { timeout = 2 }
  if good then return ngx.say "ready" end
  ngx.log(ngx.ERR, "not ready: ", err)
  ngx.status = 503
  return ngx.say("not ready: ", err.kind)
end

return M
