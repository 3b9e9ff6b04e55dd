-- make install and uninstall: what is installed works outside of the tree, and goes without a trace.
local host = require "spec.support.host"
local make = require "spec.support.make"

local ABI = host.lua == "luajit" and "5.1" or string.match(host.lua, "%d%.%d")

describe("make install:", function()
  it("puts the library and its command where DESTDIR and PREFIX say; uninstall leaves nothing of them", function()
    local folder = host.folder()
    local variables = "DESTDIR='" .. folder .. "' PREFIX=/opt/oneflow"
    make("install", variables)
    local prefix = folder .. "/opt/oneflow"
    local run = string.format("cd / && LUA_PATH='%s/share/lua/%s/?.lua;%s/share/lua/%s/?/init.lua;;' "
      .. "LUA_CPATH='%s/lib/lua/%s/?.so;;' ", prefix, ABI, prefix, ABI, prefix, ABI)
    local found = host.shell(run .. host.executable .. " -e \"print(require('oneflow')._VERSION, "
      .. "package.searchpath('oneflow.core', package.cpath))\"")
    assert.equal(require("oneflow")._VERSION .. "\t" .. prefix .. "/lib/lua/" .. ABI .. "/oneflow/core.so\n", found)
    local version = host.shell(run .. prefix .. "/bin/oneflow --version")
    assert.equal("oneflow " .. require("oneflow")._VERSION .. "\n", version)
    make("uninstall", variables)
    assert.equal("", host.shell("find '" .. folder .. "' -type f"))
  end)
end)
