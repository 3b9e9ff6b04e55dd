-- Out of memory while JSON is decoded: lua-cjson would leak its copy of the text, or end the process. Its allocations
-- are tried before it is called; nothing leaks, and no text is refused that would have fitted.
local host = require "spec.support.host"
local process = require "spec.support.process"
local wire = require "spec.support.wire"

local SETUP = [[
  package.path, package.cpath = ...
  local raw = require("cjson").new()
  raw.decode_max_depth(200)
  local core = require "oneflow.core"
  local read
  DECODE = {
    raw = raw.decode,
    ours = function(text)
      local value, kind, message = core.decode(text)
      if value == nil then read = kind end
      return value
    end,
  }
  function TRY(which)
    read = nil
    KEPT = DECODE[which](TEXT)
    return read or "decoded"
  end
  function CLEAN()
    KEPT = nil
    for _ = 1, 4 do collectgarbage() end
  end
]]

-- For the specs' process and for others: what can be done with a state that has the library, and a text to decode.
local function state_with(text, setup)
  local state = require("spec.support.host").capped().new()
  assert(0 == state:run(setup, package.path, package.cpath))
  assert(0 == state:run("TEXT = ...", text))
  local self = { state = state }

  -- What one takes at most.
  function self.most(which)
    state:run "CLEAN()"
    local before = state:cap()
    local _, became = state:run("return TRY(...)", which)
    assert(became == "decoded", became)
    local _, peak = state:stat()
    return peak - before
  end

  -- With room for so many bytes more than it holds: "decoded", "memory" (refused), or "raised" (not enough memory)
  function self.try(room)
    state:cap()
    state:run "CLEAN()"
    state:cap(room)
    local status, became = state:run("return TRY(...)", "ours")
    state:cap()
    return status == 0 and became or "raised"
  end

  self.most "raw"
  self.most "ours"
  return self
end

-- The least memory with which the library decodes.
local function least(self)
  local low, high = 0, self.most "ours" * 2
  while high - low > high / 200 + 4 do
    local middle = math.floor((low + high) / 2)
    if self.try(middle) == "decoded" then high = middle else low = middle end
  end
  return high
end

-- Texts that grow in different ways; the last ones by chance.
local function texts()
  local list = {}
  local function many(count, form)
    local items = {}
    for i = 1, count do items[i] = string.format(form, i, i) end
    return table.concat(items, ",")
  end
  list.numbers = "[" .. many(1025, "%d") .. "]"
  list.lists = "[" .. many(800, "[%d]") .. "]"
  list.names = "{" .. many(1100, '"name %d":%d') .. "}"
  list.short = "[" .. many(900, '"text %d"') .. "]"
  list.long = "[" .. many(300, '"a text of more bytes than Lua keeps once each, number %d"') .. "]"
  list.same = "[" .. many(500, '{"id":%d,"state":"draft","name":"one and the same"}') .. "]"
  list.escaped = "[" .. many(400, '"\\u00e5\\u00e4\\u00f6 \\ud83d\\ude00 \\n %d"') .. "]"
  list.one = '"' .. string.rep("x", 30000) .. '"'
  list.contract = '{"id":4711,"state":"draft","_private":{"name":"Contract 4711"},"parties":[{"id":1,"participants":['
    .. '{"id":2,"email":"sven@example.com"}]}],"tags":[],"data_fields":[]}'
  local seed = os.time()
  math.randomseed(seed)
  local function value(depth)
    local kind = math.random(depth > 4 and 3 or 6)
    if kind == 1 then return tostring(math.random(100000)) end
    if kind == 2 then return '"' .. string.rep("y", math.random(0, 90)) .. math.random(99) .. '"' end
    if kind == 3 then return ({ "true", "null", "0.25", "[]", "{}" })[math.random(5)] end
    local items = {}
    local first = math.random(20)
    for i = 1, math.random(0, 7) do
      items[i] = (kind == 4 and "" or '"k' .. first + i .. '":') .. value(depth + 1)
    end
    return kind == 4 and "[" .. table.concat(items, ",") .. "]" or "{" .. table.concat(items, ",") .. "}"
  end
  for i = 1, 4 do
    local items = {}
    for k = 1, 40 do items[k] = value(1) end
    list["chance, seed " .. seed .. ", " .. i] = "[" .. table.concat(items, ",") .. "]"
  end
  return list
end

describe("memory for decoding:", function()
  after_each(wire.clean)

  it("case 68: nothing is refused that would have fitted", function()
    local worst, of_text = 0, nil
    for name, text in pairs(texts()) do
      local self = state_with(text, SETUP)
      local need, took = self.most "raw", least(self)
      self.state:close()
      assert.is_true(took <= need * 1.3 + 700, name .. ": lua-cjson decodes in " .. need .. " bytes, we in " .. took)
      if took / need > worst and need > 10000 then worst, of_text = took / need, name end
    end
    print(string.format("\n  room in which we decode, to that of lua-cjson: %.3f at most (%s)", worst, of_text))
  end)

  it("case 68: what is garbage makes room", function()
    for name, text in pairs(texts()) do
      local self = state_with(text, SETUP)
      self.state:run "CLEAN()"
      self.state:run("collectgarbage 'stop' local garbage = string.rep('x', ...)", 2 * self.most "ours" + 10000)
      self.state:cap(6000) -- for the call itself, as LuaJIT does not collect when memory ends
      local _, became = self.state:run("return TRY(...)", "ours")
      self.state:close()
      assert.equal("decoded", became, name)
    end
  end)

  -- In a process in which malloc keeps nothing that was freed, so that what is gone can be counted.
  it("case 68: decodes that fail for lack of Lua's memory leak nothing", function()
    local all = texts()
    local child = process.start(function(args)
      local code = string.gsub(args.state_with, "..", function(hex) return string.char(tonumber(hex, 16)) end)
      local make_state = (loadstring or load)(code)
      local capped = require("spec.support.host").capped()
      local found = {}
      for name, text in pairs(args.texts) do
        local self = make_state(text, args.setup)
        local need = self.most "ours"
        local counts = { decoded = 0, memory = 0, raised = 0 }
        local function besides_lua() -- of this state and of that
          self.try(0)
          self.state:run "CLEAN()"
          collectgarbage()
          collectgarbage()
          return capped.in_use() - self.state:stat()
        end
        local before = besides_lua()
        for i = 0, 99 do
          local became = self.try(math.floor(need * 1.2 * i / 100))
          counts[became] = counts[became] + 1
        end
        counts.lost = besides_lua() - before
        self.state:close()
        found[name] = counts
      end
      return found
    end, { texts = all, setup = SETUP, state_with = process.dump(state_with) },
      { env = { GLIBC_TUNABLES = "glibc.malloc.tcache_count=0" } })
    for name, counts in pairs(child:result()) do
      local length = #all[name]
      assert.is_true(counts.lost < length / 2 + 4096, name .. ": " .. counts.lost .. " bytes are gone")
      assert.is_true(counts.decoded > 0 and counts.memory + counts.raised > 0)
      if length > 20000 then assert.is_true(counts.memory > 20, name .. ": refused " .. counts.memory) end
    end
  end)

  it("case 68: an answer that there is no memory to decode: memory, unknown, with its status", function()
    local state = host.capped().new()
    local code = [[
      package.path, package.cpath = ...
      local oneflow = require "oneflow"
      local body
      local sven = assert(oneflow.client { token = ("t"):rep(40), base_url = "http://127.0.0.1:1/v1",
        transport = function() return 200, { ["content-type"] = "application/json" }, body end,
      }:user "sven@example.com")
      local hooks = assert(oneflow.webhook.receiver { sign_key = "k" })
      local long = "[" .. ("7,"):rep(40000) .. "7]"
      local small = '{"id":4711,"tags":[]}'
      local call = ("c"):rep(40)
      local hook = '{"contract":{"id":4711},"callback_id":"' .. call .. '","signature":"'
        .. oneflow.webhook.sign(call, "k") .. '","events":[{"id":1,"type":"contract:sign",'
        .. '"created_time":"2026-06-30T07:15:23+0000"}],"more":' .. long .. "}"
      local answer = '{"id":4711,"tags":' .. long .. "}"
      function CALL(method)
        body = answer
        local value, err = sven:request(method, "/x")
        if value then return "done" end
        body = small
        local next_one = sven:request("GET", "/x")
        return err.kind .. " " .. err.outcome .. " " .. string.format("%d", err.status) .. (next_one and " good" or "")
      end
      function HOOK() return string.format("%d", (hooks:receive(hook, function() return true end))) end
      CALL "POST" HOOK()
      for _ = 1, 4 do collectgarbage() end
    ]]
    local status, problem = state:run(code, package.path, package.cpath)
    assert.equal(0, status, problem)
    for _, method in ipairs { "GET", "POST" } do
      state:cap(200000)
      local _, became = state:run("return CALL(...)", method)
      assert.equal("memory unknown 200 good", became)
      state:cap()
      assert.equal("done", (select(2, state:run("return CALL(...)", method))))
      state:run "for _ = 1, 4 do collectgarbage() end"
    end
    state:cap(200000)
    assert.equal("500", (select(2, state:run "return HOOK()")))
    state:cap()
    assert.equal("200", (select(2, state:run "return HOOK()")))
    state:close()
  end)

  it("case 56: where malloc has no room for lua-cjson's copy of the text: memory, and the process goes on", function()
    -- Eight megabytes of text, which take as much of malloc; a string takes that of Lua's memory besides.
    local function became(byte, megabytes)
      local child = process.start(function(args)
        local core = require "oneflow.core"
        local text = '["' .. string.rep(args.byte, 8 * 2 ^ 20) .. '"]'
        if args.byte == " " then text = string.gsub(text, '"', "") end
        collectgarbage()
        collectgarbage()
        local file = assert(io.open "/proc/self/status")
        local status = file:read "*a"
        file:close()
        assert(os.execute(string.format("prlimit --as=%d --pid %s", -- no more memory than it has, and so much
          tonumber(string.match(status, "VmSize:%s*(%d+)")) * 1024 + args.more, string.match(status, "Pid:%s*(%d+)"))))
        local good, value, kind = pcall(core.decode, text)
        return { became = not good and "raised" or value == nil and kind or "decoded", next_one = core.decode "[1]"[1] }
      end, { byte = byte, more = megabytes * 2 ^ 20 }, -- and what is freed is not kept
        { env = { GLIBC_TUNABLES = "glibc.malloc.mmap_threshold=65536" } })
      local found = child:result()
      assert.equal(1, found.next_one)
      return found.became
    end
    for _, case in ipairs { { " ", 8 }, { "x", 16 } } do
      for _, megabytes in ipairs { 3, 11, 19, 27 } do
        local is = became(case[1], megabytes)
        assert.equal(megabytes < case[2] and "memory" or megabytes > case[2] + 8 and "decoded" or is, is)
      end
    end
  end)
end)
