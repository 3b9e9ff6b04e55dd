-- Many calls at once.
local ahead = require "oneflow.gather.ahead"
local gather = require "oneflow.gather.map"
local gatherer = require "oneflow.gather.gatherer"

return {
  gather = gather.gather, map = gather.map, gatherer = gatherer.gatherer,
  begin = ahead.begin, take = ahead.take, drop = ahead.drop,
}
