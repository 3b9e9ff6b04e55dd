rockspec_format = "3.0"
package = "oneflow"
version = "dev-1"
source = {
  url = "git+https://github.com/oneflow-lua/oneflow.git",
}
description = {
  summary = "Client for the contract API of Oneflow AB, with the acting user right on every call",
  detailed = [[
Fetches, creates, publishes and deletes contracts as a given user. C core on libcurl, for Lua 5.4, Lua 5.3 and LuaJIT.
Not affiliated with Oneflow AB, and no deep-learning framework.
]],
  homepage = "https://github.com/oneflow-lua/oneflow",
  license = "MIT",
  labels = { "http", "api", "contracts", "esignature" },
}
supported_platforms = { "unix" }
-- lua-cjson is needed too. It is not listed because LuaRocks does not see the one of a distribution's package, and would then
-- fetch and build a second: the build looks for whichever is there, and says how to get one when none is.
dependencies = {
  "lua >= 5.1, < 5.5",
}
external_dependencies = {
  -- By its library: Debian keeps curl/curl.h in a folder of the machine's architecture, where LuaRocks 3.8 does not look.
  CURL = { library = "curl" },
  CRYPTO = { header = "openssl/evp.h" },
  ZLIB = { header = "zlib.h" },
}
build = {
  type = "make",
  build_target = "build",
  build_variables = {
    LUA = "$(LUA)",
    LUA_INCDIR = "$(LUA_INCDIR)",
    CFLAGS = "$(CFLAGS)",
    LIBFLAG = "$(LIBFLAG)",
    CURL_INCDIR = "$(CURL_INCDIR)",
    CURL_LIBDIR = "$(CURL_LIBDIR)",
    CRYPTO_INCDIR = "$(CRYPTO_INCDIR)",
    ZLIB_INCDIR = "$(ZLIB_INCDIR)",
  },
  install_variables = {
    LUA = "$(LUA)",
    LUA_INCDIR = "$(LUA_INCDIR)",
    CFLAGS = "$(CFLAGS)",
    LIBFLAG = "$(LIBFLAG)",
    CURL_INCDIR = "$(CURL_INCDIR)",
    CURL_LIBDIR = "$(CURL_LIBDIR)",
    CRYPTO_INCDIR = "$(CRYPTO_INCDIR)",
    ZLIB_INCDIR = "$(ZLIB_INCDIR)",
    LUADIR = "$(LUADIR)",
    LIBDIR = "$(LIBDIR)",
    BINDIR = "$(BINDIR)",
  },
}
test = {
  type = "busted",
}
