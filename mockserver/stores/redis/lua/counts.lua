-- Jobs, jobs that have left, deliveries that are not done.
return {
  call('HLEN', key('jobs')),
  tonumber(call('GET', key('evicted')) or 0),
  call('HLEN', key('deliveries')) - call('ZCARD', key('done')),
}
