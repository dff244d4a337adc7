-- Records: each behind its expiry, its size and its owner.

local RECORD = '<ddHc0'

-- Take a record out of everything; its owner's sizes included.
local function forget_record(kind, id, row)
  local _, size, owner = struct.unpack(RECORD, row)
  call('HDEL', key('records:' .. kind), id)
  call('ZREM', key('expiring:' .. kind), id)
  call('ZREM', key('owned:' .. kind .. ':' .. owner), id)
  call('HINCRBY', key('owned_sizes:' .. kind), owner, -size)
end
