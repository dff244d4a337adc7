-- Forget everything of a shard. Big values are only unhooked here: the server frees them in the background.
for _, team in ipairs(call('HKEYS', key('credits'))) do
  for _, kind in ipairs({'ledger:', 'free:', 'open:', 'later:'}) do
    call('UNLINK', key(kind .. team))
  end
end
for _, list in ipairs(call('SMEMBERS', key('lists'))) do
  call('UNLINK', key('list:' .. list), key('models:' .. list), key('bounded:' .. list))
end
for _, group in ipairs(call('SMEMBERS', key('groups'))) do
  call('UNLINK', key('members:' .. group))
end
for _, digest in ipairs(call('SMEMBERS', key('limited'))) do
  call('UNLINK', key('seen:' .. digest))
end
for _, worker in ipairs(call('ZRANGE', key('workers'), 0, -1)) do
  call('UNLINK', key('held:' .. worker))
end
for _, kind in ipairs(call('SMEMBERS', key('kinds'))) do
  call('UNLINK', key(kind))
end
for _, name in ipairs(call('HKEYS', key('stream_lasts'))) do
  call('UNLINK', key('stream:' .. name))
end
for _, name in ipairs({
  'credits', 'lists', 'groups', 'limited', 'workers', 'kinds', 'claims', 'claims_by_age', 'jobs', 'ends', 'undelivered',
  'evicted', 'order', 'deliveries', 'of_job', 'due', 'taken', 'done', 'attempts', 'teams', 'keys', 'owners', 'documents',
  'counters', 'stream_sizes',
}) do
  call('UNLINK', key(name))
end
for i = 2, #ARGV, 5 do
  put(ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4])
end
call('PUBLISH', ARGV[1], 'due')
return call('INCR', key('version'))
