-- Look through a bounded piece of a list, newest first, for rows that fit.
-- Gives whether the list ends here, the place to go on from, and ids and rows.
local owner, created_at, after_id, wanted, piece = ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6])
local now, status, model, hides_archived = tonumber(ARGV[7]), tonumber(ARGV[8]), ARGV[9], ARGV[10] == '1'

-- How many entries come before those that follow the place: its own rank, whether it is in the list or not.
local function rank_of_place(list)
  if created_at == '' then return 0 end
  local rank = call('ZREVRANK', list, after_id)
  if rank then return rank + 1 end
  call('ZADD', list, created_at, after_id)
  rank = call('ZREVRANK', list, after_id)
  call('ZREM', list, after_id)
  return rank
end

local function fits(job)
  return (model == '' or job.model == model) and (status < 0 or status_at(job.row, now) == status)
    and not (hides_archived and job.stays == 1 and now >= job.leaves_at)
end

local lists = call('SMEMBERS', key('members:' .. owner))
if #lists == 0 then lists = {owner} end
local entries, is_end = {}, true
for _, name in ipairs(lists) do
  local list = key('list:' .. name)
  local rank = rank_of_place(list)
  local found = call('ZREVRANGE', list, rank, rank + piece - 1, 'WITHSCORES')
  for i = 1, #found, 2 do
    entries[#entries + 1] = {tonumber(found[i + 1]), found[i], found[i + 1]}
  end
  is_end = is_end and #found < 2 * piece
end
if #lists > 1 then
  table.sort(entries, function(one, other)
    if one[1] ~= other[1] then return one[1] > other[1] end
    return one[2] > other[2]
  end)
end

local rows, last = {}, nil
for i, entry in ipairs(entries) do
  if i > piece or #rows == 2 * wanted then
    is_end = false
    break
  end
  last = entry
  local row = call('HGET', key('jobs'), entry[2])
  if fits(job_of(row)) then
    rows[#rows + 1] = entry[2]
    rows[#rows + 1] = row
  end
end
return {is_end and 1 or 0, last and last[3] or '', last and last[2] or '', rows}
