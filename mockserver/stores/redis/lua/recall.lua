-- What an idempotency key stands for.
return recalled(ARGV[2], ARGV[3], tonumber(ARGV[4])) or {'free'}
