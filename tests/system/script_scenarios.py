"""Scenarios of scripts: at the limit of memory, and while clients are paused; see sessions_test.Scenario for how to read
them. \\n is a line end."""

AT_THE_LIMIT = """
        A: SET x 123
        A: CONFIG SET maxmemory 1
        A: EVAL "return redis.call('set','x','1')" 1 x
        A: EVAL "return redis.pcall('set','x','1')['err']" 1 x
        A: EVAL "return redis.call('get','x')" 1 x
        A: EVAL_RO "return redis.call('get','x')" 1 x
        A: EVAL "redis.call('del','y') return redis.call('get','x')" 2 x y
        A: EVAL "redis.call('del','x') return redis.call('set','x','2')" 1 x
        A: GET x
        A: EVAL "redis.call('incr','x') redis.call('lpush','l',1)" 2 x l
        A: EVAL "redis.call('del','x') redis.call('lpush','l',1)" 2 x l
        A: MGET x l
        A: SET x 4
        A: DEL x"""

SCENARIOS = {
    "scripts at the limit of memory": ((7, 0), AT_THE_LIMIT + """
        A: CONFIG SET maxmemory 0
        A: EVAL "return redis.call('set','x','5')" 1 x
        A: GET x
    """),
    "scripts of 6.2 at the limit of memory": ((6, 2), AT_THE_LIMIT.replace("EVAL_RO", "EVAL") + """
        A: CONFIG SET maxmemory 0
        A: EVAL "return redis.call('set','x','5')" 1 x
        A: GET x
    """),
    "scripts at the limit of memory: what they say of themselves": ((7, 0), """
        A: SET x 123
        A: CONFIG SET maxmemory 1
        A: EVAL "#!lua flags=\\nreturn 1" 0
        A: EVAL "#!lua\\nreturn 1" 0
        A: EVAL "#!lua flags=allow-oom\\nreturn redis.call('set','x','2')" 1 x
        A: EVAL "#!lua flags=no-writes\\nreturn redis.call('get','x')" 1 x
        A: EVAL_RO "#!lua flags=no-writes\\nreturn redis.call('get','x')" 1 x
        A: EVAL "#!lua flags=no-writes\\nreturn redis.call('set','x','3')" 1 x
        A: EVAL "#!lua flags=nonsense\\nreturn 1" 0
        A: SCRIPT LOAD "#!lua\\nreturn 2"
        A: EVALSHA 327e60b78547ebb77ec450ead371d5bd10cbdd69 0
        A: GET x
        A: MULTI
        A: GET x
        A: DISCARD
        A: CONFIG SET maxmemory 0
        A: MULTI
        A: EVAL "#!lua\\nreturn redis.call('set','x','6')" 1 x
        B: CONFIG SET maxmemory 1
        A: EXEC
        B: CONFIG SET maxmemory 0
        A: GET x
        A: CONFIG SET maxmemory 100mb
        A: EVAL "#!lua\\nreturn redis.call('set','x','7')" 1 x
        A: CONFIG SET maxmemory 0
    """),
    "functions at the limit of memory": ((7, 0), """
        A: FUNCTION LOAD "#!lua name=l\\nredis.register_function{function_name='r', callback=function() return 'r' end, flags={'no-writes'}}\\nredis.register_function('w', function(k) return redis.call('set', k[1], 1) end)\\nredis.register_function{function_name='o', callback=function(k) return redis.call('set', k[1], 2) end, flags={'allow-oom'}}"
        A: CONFIG SET maxmemory 1
        A: FCALL r 1 k
        A: FCALL_RO r 1 k
        A: FCALL o 1 k
        A: GET k
        A: CONFIG SET maxmemory 0
        A: FCALL w 1 k
        A: GET k
        A: FUNCTION DELETE l
    """),
    "CLIENT PAUSE: scripts that say that they do not write go on": ((7, 0), """
        A: SET x y
        A: FUNCTION LOAD "#!lua name=l\\nredis.register_function{function_name='r', callback=function() return 'r' end, flags={'no-writes'}}\\nredis.register_function('w', function(k) return redis.call('set', k[1], 1) end)"
        A: CLIENT PAUSE 60000 WRITE
        B: EVAL "#!lua flags=no-writes\\nreturn 'one'" 0
        B: EVAL "#!lua flags=no-writes\\nreturn 'one'" 0
        B: EVAL_RO "return redis.call('get','x')" 1 x
        B: SCRIPT LOAD "#!lua flags=no-writes\\nreturn 2"
        B: EVALSHA ae33f9227913b24d053a555637f98260b23bd3a3 0
        B: FCALL r 0
        B: FCALL_RO r 0
        B: MULTI
        B: EVAL "#!lua flags=no-writes\\nreturn 12" 0
        B: FCALL r 0
        B: EXEC
        B: EVAL "#!lua flags=no-writes\\nreturn redis.call('set','x','z')" 1 x
        C> FCALL w 1 x
        D> EVAL "return redis.call('append','x','!')" 1 x
        blocked 2
        A: GET x
        A: CLIENT UNPAUSE
        C<
        D<
        A: FUNCTION DELETE l
    """),
}
