-- Teams and keys, each behind its number in their order; and the credits that a team begins with.
local function put(kind, id, value, user, team)
  if kind == 'credits' then
    call('HSET', key('credits'), id, value)
    return
  end
  local known = call('HGET', key(kind), id)
  call('HSET', key(kind), id, (known and known:sub(1, 8) or struct.pack('<d', call('INCR', key('order')))) .. value)
  if user ~= '' then call('HSET', key('owners'), user, team) end
end
