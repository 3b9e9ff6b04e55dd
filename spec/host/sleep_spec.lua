-- oneflow.sleep in real time, in each host: the others go on meanwhile, signals and stops end it, and it takes no
-- processor time. In simulated time: spec/unit/sleep_spec.lua.
local uv = require "luv"
local cjson = require "cjson"
local cqueues = require "cqueues"
local host = require "spec.support.host"
local nginx = require "spec.support.nginx"
local oneflow = require "oneflow"
local process = require "spec.support.process"
local wire = require "spec.support.wire"

local function sven_of(target)
  return assert(wire.client(target, { timeout = 10, attempt_timeout = 10 }):user(wire.SVEN))
end

describe("sleep:", function()
  after_each(wire.clean)

  -- The interpreter's own, which raises in the main thread.
  local function interrupted(where)
    local child = process.start(function(args)
      local oneflow_ = require "oneflow"
      local slept, err
      local function sleep()
        io.stdout:write "sleeps\n"
        io.stdout:flush()
        slept, err = oneflow_.sleep(3600)
        return slept, err
      end
      local good, why, failures = pcall(args.where == "gather" and oneflow_.gather or sleep, { sleep })
      if args.jit and failures and failures[1] then good, why = false, failures[1].err end
      return { good = good, why = tostring(why), slept = tostring(slept), kind = err and err.kind or "none" }
    end, { where = where, jit = rawget(_G, "jit") ~= nil }) -- whose hook may raise in one of the functions as well
    assert.equal("sleeps", child:line())
    child:kill "sigint"
    local told = child:result()
    assert.is_false(told.good)
    assert.is_truthy(string.find(told.why, "interrupted!", 1, true), told.why)
    return told
  end

  it("in a script Ctrl-C ends it", function() interrupted "script" end)

  it("in gather Ctrl-C ends it, and the functions that sleep", function()
    local told = interrupted "gather"
    if not rawget(_G, "jit") then
      assert.equal("nil cancelled", told.slept .. " " .. told.kind)
    end
  end)

  it("takes no processor time, however many sleep", function()
    local child = process.start(function()
      local oneflow_ = require "oneflow"
      local list = {}
      for i = 1, 500 do list[i] = 1 / 2 + i / 1e6 end
      local before = os.clock()
      oneflow_.sleep(1 / 2)
      local alone = os.clock() - before
      oneflow_.map(list, oneflow_.sleep, { concurrency = 500 })
      return { alone = alone, map = os.clock() - before - alone }
    end, {})
    local took = child:result()
    assert.is_true(took.alone < 0.01 * wire.slow, took.alone .. " s of the processor, alone")
    assert.is_true(took.map < 0.1 * wire.slow, took.map .. " s of the processor, 500 at once")
  end)

  it("in gather a call on the wire is answered meanwhile, and a sleep ends while one is there", function()
    local target = wire.held()
    local sven = sven_of(target)
    local order = {}
    local results, failures = oneflow.gather {
      function()
        local contract = assert(sven:contract(4711):get())
        order[#order + 1] = "answered"
        return contract
      end,
      function()
        assert(oneflow.sleep(0.02)) -- while the call is on the wire
        order[#order + 1] = "slept"
        target:tell "go on"
        for _ = 1, 5 do assert(oneflow.sleep(0.01)) end
        return sven:contract(4712):get()
      end,
    }
    assert.same({}, failures)
    assert.equal(4712, results[2].id)
    assert.same({ "slept", "answered" }, order)
    local journal = target:journal()
    assert.is_truthy(string.find(journal[1].target, "/contracts/4711", 1, true))
    assert.is_truthy(string.find(journal[2].target, "/contracts/4712", 1, true))
  end)

  -- A call is answered once a function has slept, and then one is cancelled that sleeps for long. The host calls the
  -- function that is returned after each of its turns.
  local function fill(gatherer, target)
    local sven, told = sven_of(target), {}
    local long = gatherer:add(function() return oneflow.sleep(3600) end, function(_, err) told.long = err.kind end)
    gatherer:add(function() return sven:contract(4711):get() end, function(contract, err)
      told.id = contract and contract.id or err
      gatherer:cancel(long)
    end)
    gatherer:add(function()
      assert(oneflow.sleep(0.03))
      return true
    end, function(value, err) told.short = value or err end)
    local asked = false
    return told, function()
      if told.short and not asked then
        asked = true
        target:tell "go on"
      end
    end
  end

  it("in a gatherer its host's loop waits for the descriptor, and for `timeout`", function()
    local target = wire.held()
    local gatherer = oneflow.gatherer()
    local told, go_on = fill(gatherer, target)
    local watch, timer, idle, turns = uv.new_poll(gatherer:fd()), uv.new_timer(), false, 0
    local function turn()
      turns = turns + 1
      idle = gatherer:poll(0)
      timer:stop()
      local seconds = gatherer:timeout()
      if seconds then timer:start(math.ceil(seconds * 1000), 0, turn) end
    end
    watch:start("r", turn)
    turn()
    process.wait_until(function()
      go_on()
      return idle
    end, "the gatherer's end")
    watch:close()
    timer:close()
    assert.same({ long = "cancelled", id = 4711, short = true }, told)
    assert.is_true(turns < 20, "woken for nothing: " .. turns)
  end)

  it("and so does cqueues", function()
    local target = wire.held()
    local gatherer = oneflow.gatherer()
    local told, go_on = fill(gatherer, target)
    local turns = 0
    local loop = cqueues.new()
    loop:wrap(function()
      local idle
      repeat
        cqueues.poll(gatherer)
        turns, idle = turns + 1, gatherer:poll(0)
        go_on()
      until idle
    end)
    assert(loop:loop())
    assert.same({ long = "cancelled", id = 4711, short = true }, told)
    assert.is_true(turns < 20, "woken for nothing: " .. turns)
  end)

  describe("in nginx", function()
    local function start(options)
      options.lua, options.env = true, { LUA_PATH = false, LUA_CPATH = false }
      options.http = string.format("lua_package_path '%s/lua/?.lua;%s/lua/?/init.lua;;'; "
        .. "lua_package_cpath '%s/build/luajit/?.so;;'; lua_shared_dict results 1m;\n", host.root, host.root, host.root)
        .. (options.http or "")
      return nginx.start(options)
    end
    local function location(path, code)
      return string.format("location %s { content_by_lua_block { local oneflow = require 'oneflow' %s } }\n", path,
        code)
    end
    local function get(web, path) return host.shell("curl -sS " .. web.url .. path) end

    it("a handler sleeps while its worker answers others, and for as long as it says", function()
      local web = start { server = location("/sleep", [[
          ngx.shared.results:set("sleeps", 1)
          local turns = 0
          repeat
            assert(oneflow.sleep(0.005))
            turns = turns + 1
          until ngx.shared.results:get "go on"
          ngx.say("slept")]])
        .. location("/sleeps", "ngx.print(ngx.shared.results:get 'sleeps' or '')")
        .. location("/go", "ngx.shared.results:set('go on', 1)")
        .. location("/long", [[
          local clock = require "oneflow.base.clock"
          local before, least = clock.monotonic(), 1
          for _ = 1, 20 do
            local begun = clock.monotonic()
            repeat until clock.monotonic() - begun > 0.004 -- busy: nginx's own clock does not advance
            begun = clock.monotonic()
            local other = ngx.thread.spawn(function() ngx.sleep(0.001) end) -- then it looks at the time
            oneflow.sleep(0.003)
            least = math.min(least, clock.monotonic() - begun)
            ngx.thread.wait(other)
          end
          ngx.say(least >= 0.003 and "long enough" or least)]]) }
      local waiting = process.spawn { "/usr/bin/curl", "-sS", web.url .. "/sleep" }
      process.eventually("the sleep", function() return get(web, "/sleeps") == "1" end)
      get(web, "/go")
      local _, _, output = waiting:wait()
      assert.equal("slept\n", output, web:error_log())
      assert.equal("long enough\n", get(web, "/long"), web:error_log())
    end)

    it("a stop wakes all that sleep in a gather, and in nested ones", function()
      local web = start { server = location("/", [[
        local kinds = {}
        local function wait()
          local good, err = oneflow.sleep(3600)
          kinds[#kinds + 1] = tostring(good) .. " " .. err.kind
          good, err = oneflow.sleep(1)
          kinds[#kinds + 1] = tostring(good) .. " " .. err.kind
          return true
        end
        local slept
        oneflow.gather {
          function() slept = oneflow.sleep(0.05) end,
          function()
            oneflow.gather {
              stop = true, wait, function() return oneflow.gather { wait } end,
              function() oneflow.sleep(0.01) return nil, "no" end,
            }
          end,
        }
        ngx.say(table.concat(kinds, ", "), " ", slept)]]) }
      assert.equal("nil cancelled, nil cancelled, nil cancelled, nil cancelled true\n", get(web, "/"), web:error_log())
    end)

    it("where the worker would be blocked it raises, and says what to do there", function()
      local web = start {
        http = "init_by_lua_block { told = { tostring(select(2, pcall(require('oneflow').sleep, 1))) } }\n",
        server = location("/", [[
          table.sort({ 2, 1 }, function(a, b)
            told[2] = tostring(select(2, pcall(oneflow.sleep, 1)))
            return a < b
          end)
          local timer
          ngx.timer.at(0, function() timer = oneflow.sleep(0.001) end)
          repeat oneflow.sleep(0.001) until timer ~= nil
          told[4] = timer
          ngx.say(require("cjson").encode(told))]])
          .. "location /log { log_by_lua_block { told[3] = tostring(select(2, pcall(require('oneflow').sleep, 1))) } "
          .. "return 200; }\n" }
      get(web, "/log")
      local told = cjson.decode(get(web, "/"))
      assert.matches("sleep: here %(phase init of nginx%) it would block the worker$", told[1])
      assert.matches("sleep: here %(phase content of nginx%) it would block the worker: do it outside of the C "
        .. "function that called it, such as require, table%.sort or string%.gsub$", told[2])
      assert.matches("sleep: here %(phase log of nginx%) it would block the worker: do it in a timer, "
        .. "ngx%.timer%.at%(0, function%(%) %.%.%. end%)$", told[3])
      assert.is_true(told[4])
    end)
  end)
end)
