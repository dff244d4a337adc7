-- Put teams and keys, unless there are teams; whether there were none.
if call('EXISTS', key('teams')) == 1 then return 0 end
for i = 2, #ARGV, 5 do
  put(ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4])
end
call('INCR', key('version'))
return 1
