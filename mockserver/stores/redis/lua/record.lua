-- Owner and value of a record that has not expired.
local row = call('HGET', key('records:' .. ARGV[2]), ARGV[3])
if not row then return {} end
local expires_at, _, owner, at = struct.unpack(RECORD, row)
if expires_at <= tonumber(ARGV[4]) then return {} end
return {owner, row:sub(at)}
