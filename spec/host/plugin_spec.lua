-- A plugin with the static library, linked as the installed file for pkg-config says, and unloaded by its host.
local host = require "spec.support.host"
local make = require "spec.support.make"
local process = require "spec.support.process"
local wire = require "spec.support.wire"

describe("plugin:", function()
  after_each(wire.clean)

  it("case 67: what its host unloads leaves the host's own libcurl, its forks and its end whole; loaded again it works",
    function()
    local folder = host.folder()
    make("install-static", "PREFIX='" .. folder .. "'")
    host.shell(string.format("cd '%s' && export PKG_CONFIG_PATH='%s/lib/pkgconfig' && "
      .. "cc -std=gnu11 -Wall -Wextra -Werror -fPIC -shared -o plugin.so '%s/spec/support/plugin.c' "
      .. "$(pkg-config --cflags --libs oneflow-%s) && "
      .. "cc -std=gnu11 -Wall -Wextra -Werror -o host '%s/spec/support/plugin_host.c' -Wl,--no-as-needed "
      .. "$(pkg-config --libs libcurl %s)", folder, folder, host.root, host.lua, host.root, host.lua))
    local target = wire.healthy()
    local child = process.spawn { folder .. "/host", target.url, wire.TOKEN, [[
      local client, read = ..., nil
      local gatherer = require("oneflow").gatherer {} -- its calls are the I/O thread's
      gatherer:add(function() return client:contract(4711):get { as = "anna@example.com" } end,
        function(contract) read = contract end)
      gatherer:wait()
      return read and client:contract(4711):get { as = "anna@example.com" }.id == 4711
    ]], cwd = folder, env = { LD_PRELOAD = false } }
    local code, signal, output, errors = child:wait()
    local round = "ran: 1\nown libcurl: a%20b\nchild: 0\n"
    assert.equal(round .. round .. "0 0", output .. errors .. code .. " " .. signal)
    assert.equal(4, #target:journal())
  end)
end)
