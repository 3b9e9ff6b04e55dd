-- Shared by the fault specs: one client, one call, one fault, and a good call after it.
local assert = require "luassert"
local server = require "spec.support.server"
local process = require "spec.support.process"

local M = {}

--- The token of every client here: wherever it shows up, something leaked.
M.TOKEN = "canary-7Qk2-this-token-is-never-shown-x9"
M.SVEN = "sven@example.com"
M.METHODS = { "GET", "POST" }

--- Under valgrind or a sanitizer everything is slower, and uses more memory.
M.slow = os.getenv "ONEFLOW_SLOW" and 5 or 1

-- Searches for a part of it, because a text may be truncated in the middle of it.
local PIECES = { "canary-7Qk2", "this-token-is", "never-shown" }

--- Raises if the token occurs in the value, in any of its fields, or in its printed form.
function M.no_canary(value, where, seen)
  seen = seen or {}
  if seen[value] then return end
  if type(value) == "table" then
    seen[value] = true
    for key, item in pairs(value) do
      M.no_canary(key, where, seen)
      M.no_canary(item, where .. "." .. tostring(key), seen)
    end
  end
  if type(value) == "string" or type(value) == "table" or type(value) == "userdata" then
    for _, piece in ipairs(PIECES) do
      if string.find(tostring(value), piece, 1, true) then error("the token is shown: " .. where, 2) end
    end
  end
end

local FIELDS = {
  "kind", "outcome", "status", "code", "title", "detail", "problems", "request_id", "retry_after",
  "retryable",
  "attempts", "operation", "acting_user",
}

-- Errors raised by the hooks below, which the library reports to on_error.
local hook_problem

--- Hooks that look for the token.
M.HOOKS = {
  on_request = function(info) M.no_canary(info, "on_request") end,
  on_response = function(info) M.no_canary(info, "on_response") end,
  on_error = function(problem) hook_problem = hook_problem or { problem } end,
}

--- For `after_each`.
function M.clean()
  local problem = hook_problem
  hook_problem = nil
  process.clean()
  if problem then error(problem[1], 0) end
end

--- The rules for every error object.
function M.check_error(err)
  assert.is_not_nil(err, "an error object")
  assert.is_not_equal("string", type(err))
  for _, name in ipairs(FIELDS) do M.no_canary(err[name], "err." .. name) end
  M.no_canary(err, "err")
  local text = tostring(err)
  assert.is_nil(string.find(text, "[%c]"), "one line without control bytes: " .. string.format("%q", text))
  assert.equal(text .. "!", err .. "!")
  assert.is_true(#text < 2000, "a line that a person reads, not " .. #text .. " bytes")
  return text
end

--- A client for a scripted server. `options` are those of oneflow.client; `base` overrides the address.
function M.client(target, options)
  local oneflow = require "oneflow"
  local settings = {
    base_url = target.url, token = M.TOKEN, connect_timeout = 0.3 * M.slow, attempt_timeout = 0.4 * M.slow,
    timeout = 0.8 * M.slow, hooks = M.HOOKS,
  }
  for name, value in pairs(options or {}) do settings[name] = value or nil end
  return assert(oneflow.client(settings))
end

--- One call as Sven: "GET" reads contract 4711, "POST" publishes it. An error is checked before it is
-- returned.
function M.call(client, method, options)
  local opts = { as = M.SVEN }
  for name, value in pairs(options or {}) do opts[name] = value end
  local contract = client:contract(4711)
  local value, err
  if method == "POST" then
    value, err = contract:publish({ subject = "s", message = "m" }, opts)
  else
    value, err = contract:get(opts)
  end
  if not value then M.check_error(err) end
  return value, err
end

--- The same client still works, and gets the answer that belongs to its call.
function M.good_call(client)
  local contract, err = client:contract(4711):get { as = M.SVEN }
  assert.is_truthy(contract, "the good call after the fault: " .. tostring(err))
  assert.equal(4711, contract.id)
  assert.equal("Contract 4711", contract.name)
  assert.equal(200, contract.meta.status)
end

--- A server with nothing wrong.
function M.healthy()
  return server.start(function(s)
    s.serve(function(c)
      for request in function() return c:request() end do c:good(request) end
    end)
  end)
end

--- Records "held" for each request, and answers it when it gets "go on".
function M.held()
  return server.start(function(s)
    s.serve(function(c)
      for request in function() return c:request() end do
        s.note "held"
        s.await "go on"
        c:good(request)
      end
    end)
  end)
end

-- The server of most cases: request number `fault_at` gets the fault, all others a good answer.
-- `job.fault` is the dumped function fault(c, request, args); false from it ends the connection.
local function script(s, job)
  local code = string.gsub(job.fault, "..", function(hex) return string.char(tonumber(hex, 16)) end)
  local fault = (loadstring or load)(code)
  s.serve(function(c)
    for request in function() return c:request() end do
      if request.number == job.fault_at then
        if fault(c, request, job.args) == false then return end
      else
        c:good(request)
      end
    end
  end)
end

--- A server that answers one request with a fault: `fault(c, request, args)`, without upvalues.
--- options: args; warm = true: a good call comes before it (the fault meets a reused connection).
function M.faulty(fault, options)
  options = options or {}
  return server.start(script, {
    fault = process.dump(fault), args = options.args or {}, fault_at = options.warm and 2 or 1,
  })
end

--- Runs one fault for GET and for POST: the call, its one arrival, and a good call after it.
--- `check(value, err, method, arrival)` judges what came out. options as for `faulty`, and:
--- client = options of the client, call = options of the call.
function M.each_method(fault, options, check)
  options = options or {}
  for _, method in ipairs(M.METHODS) do
    local target = M.faulty(fault, options)
    local client = M.client(target, options.client)
    if options.warm then M.good_call(client) end
    local value, err = M.call(client, method, options.call)
    local arrivals = {}
    for _, request in ipairs((target:journal())) do
      if request.number > (options.warm and 1 or 0) then arrivals[#arrivals + 1] = request end
    end
    assert.equal(1, #arrivals, method .. ": arrivals at the server")
    assert.equal(method, arrivals[1].method)
    assert.equal(M.TOKEN, arrivals[1].headers["x-oneflow-api-token"])
    assert.equal(M.SVEN, arrivals[1].headers["x-oneflow-user-email"])
    check(value, err, method, arrivals[1], client)
    M.good_call(client)
    client:close()
    target:stop()
  end
end

--- Many answers from one server: each in `answers` = { status, content type, body } is what one call gets, as
--- GET and as POST, each followed by a good call; each arrives once. `check(value, err, method, i)` judges.
function M.each_answer(answers, check)
  local list = {}
  for i, answer in ipairs(answers) do
    -- %XX is a byte: bodies are sent to the server's process as JSON
    local body = string.gsub(answer[3], "[%z\1-\31%%\127-\255]", function(byte)
      return string.format("%%%02x", string.byte(byte))
    end)
    list[i] = { answer[1], answer[2], body }
  end
  for _, method in ipairs(M.METHODS) do
    local target = server.start(function(s, args)
      s.serve(function(c)
        for request in function() return c:request() end do
          local answer = args[(request.number + 1) / 2]
          if request.number % 2 == 1 and answer then
            c:reply(answer[1], { "content-type: " .. answer[2] },
              (string.gsub(answer[3], "%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end)))
          else
            c:good(request)
          end
        end
      end)
    end, list)
    local client = M.client(target)
    for i = 1, #answers do
      local value, err = M.call(client, method)
      check(value, err, method, i)
      M.good_call(client)
    end
    assert.equal(#answers * 2, #target:journal(), "each once")
    client:close()
    target:stop()
  end
end

--- For a fault that must fail: kind and outcome (a string, or { GET = , POST = }), after one attempt.
function M.fails(kind, outcome, more)
  return function(value, err, method, arrival, client)
    assert.is_nil(value, method .. " must fail")
    assert.equal(kind, err.kind, method .. ": " .. tostring(err))
    assert.equal(type(outcome) == "table" and outcome[method] or outcome, err.outcome, method .. ": "
      .. tostring(err))
    assert.equal(1, err.attempts)
    assert.equal(method == "POST" and "contract.publish" or "contract.get", err.operation)
    assert.equal(M.SVEN, err.acting_user)
    if more then more(err, method, arrival, client) end
  end
end

--- Peak memory of this process while `fn` runs, beyond what it held before, in bytes; then fn's results.
function M.growth(fn)
  if M.slow > 1 then return 0, fn() end
  collectgarbage()
  collectgarbage()
  local posix = require("spec.support.host").posix()
  local file = assert(io.open("/proc/self/clear_refs", "w"))
  file:write("5")
  file:close()
  local before = posix.rss()
  local first, second = fn()
  for line in io.lines("/proc/self/status") do
    local peak = string.match(line, "^VmHWM:%s*(%d+) kB")
    if peak then return tonumber(peak) * 1024 - before, first, second end
  end
  error("no VmHWM in /proc/self/status")
end

return M
