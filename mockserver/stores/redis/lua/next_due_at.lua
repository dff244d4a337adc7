-- When the next one that nobody has taken falls due, and the first of those taken fell due.
return {exact(first_due()), call('ZRANGE', key('taken'), 0, 0, 'WITHSCORES')[2] or 'inf'}
