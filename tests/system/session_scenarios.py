"""Scenarios of several connections; see sessions_test.Scenario for how to read them. Each has the version from which on
Redis knows its commands (Valkey counts as newest)."""

SCENARIOS = {
    "watch: nothing happens": ((6, 2), """
        A: SET k 1
        A: WATCH k
        A: GET k
        A: MULTI
        A: INCR k
        A: EXEC
        A: GET k
    """),
    "watch: somebody else writes": ((6, 2), """
        A: SET k 1
        A: WATCH k other
        B: SET k 2
        A: MULTI
        A: INCR k
        A: EXEC
        A: GET k
        A: MULTI
        A: INCR k
        A: EXEC
    """),
    "watch: SWAPDB, and keys that are not there": ((6, 2), """
        A: SELECT 1
        A: WATCH x
        B: SWAPDB 0 1
        A: MULTI
        A: PING
        A: EXEC
        A: WATCH x
        B: SET x 1
        B: SWAPDB 0 1
        A: MULTI
        A: PING
        A: EXEC
        A: EXISTS x
        A: WATCH x
        B: SWAPDB 0 1
        A: MULTI
        A: PING
        A: EXEC
    """),
    "watch: SWAPDB brings a key, which is deleted": ((6, 2), """
        A: WATCH x
        B: SELECT 1
        B: SET x 1
        B: SWAPDB 0 1
        B: SELECT 0
        B: DEL x
        A: MULTI
        A: PING
        A: EXEC
    """),
    "watch: in RESP3": ((6, 2), """
        A: WATCH k
        B: SET k 2
        A> HELLO 3
        A<
        A: MULTI
        A: PING
        A: EXEC
    """),
    "watch: one's own write": ((6, 2), """
        A: WATCH k
        A: SET k 1
        A: MULTI
        A: PING
        A: EXEC
    """),
    "watch: a write that changes nothing": ((6, 2), """
        A: SET k v
        A: WATCH k absent
        B: SETNX k x
        B: DEL absent
        B: LREM absent 0 x
        A: MULTI
        A: GET k
        A: EXEC
    """),
    "watch: UNWATCH, DISCARD and EXEC end it": ((6, 2), """
        A: WATCH k
        B: SET k 1
        A: UNWATCH
        A: MULTI
        A: GET k
        A: EXEC
        A: WATCH k
        B: SET k 2
        A: MULTI
        A: DISCARD
        A: MULTI
        A: GET k
        A: EXEC
    """),
    "watch: inside MULTI": ((6, 2), """
        A: MULTI
        A: WATCH k
        A: PING
        A: EXEC
        A: MULTI
        A: UNWATCH
        A: EXEC
        A: WATCH
    """),
    "watch: flushed": ((6, 2), """
        A: SET k 1
        A: WATCH k
        B: FLUSHALL
        A: MULTI
        A: PING
        A: EXEC
        A: WATCH absent
        B: FLUSHALL
        A: MULTI
        A: PING
        A: EXEC
        A: SET k 1
        A: WATCH k
        B: SELECT 1
        B: FLUSHDB
        A: MULTI
        A: PING
        A: EXEC
    """),
    "watch: in another database": ((6, 2), """
        A: WATCH k
        B: SELECT 1
        B: SET k 1
        A: MULTI
        A: PING
        A: EXEC
        A: SELECT 1
        A: WATCH k
        A: SELECT 0
        B: SET k 2
        A: MULTI
        A: PING
        A: EXEC
    """),
    "watch: by script, rename, move, store, expiry time": ((6, 2), """
        A: WATCH k
        B: EVAL "redis.call('set', KEYS[1], 1)" 1 k
        A: MULTI
        A: PING
        A: EXEC
        A: WATCH k
        B: EXPIRE k 100
        A: MULTI
        A: PING
        A: EXEC
        A: WATCH k2
        B: RENAME k k2
        A: MULTI
        A: PING
        A: EXEC
        A: WATCH k2
        B: MOVE k2 3
        A: MULTI
        A: PING
        A: EXEC
        B: SADD s1 a b
        B: SADD s2 b c
        A: WATCH s1 s2
        B: SINTERSTORE d s1 s2
        A: MULTI
        A: PING
        A: EXEC
        A: WATCH d
        B: SUNIONSTORE d s1 s2
        A: MULTI
        A: PING
        A: EXEC
    """),
    "watch: an error before it, and an abort": ((6, 2), """
        A: WATCH k
        B: SET k 1
        A: MULTI
        A: NOSUCHCOMMAND
        A: EXEC
        A: EXEC
        A: MULTI
        A: PING
        A: EXEC
    """),
    "resp3: nulls, doubles, maps, sets, verbatim strings": ((6, 2), """
        A> HELLO 3
        A<
        A: GET absent
        A: HSET h f v g w
        A: HGETALL h
        B: HGETALL h
        A: SADD s x
        A: SMEMBERS s
        B: SMEMBERS s
        A: ZADD z 1.5 m
        A: ZSCORE z m
        A: ZRANGE z 0 -1 WITHSCORES
        B: ZRANGE z 0 -1 WITHSCORES
        A: ZINCRBY z 1 m
        A: SET absent v XX
        B: SET absent v XX
        A: MULTI
        A: HGETALL h
        A: GET absent
        A: ZINCRBY z 1 m
        A: EXEC
        A: SPOP absent
        A: LPOP absent 2
        B: LPOP absent 2
        A: CONFIG GET hash-max-listpack-value
        A: CONFIG GET nosuchsetting
        A: HELLO 2
        A: GET absent
    """),
    "resp3: the protocol changes inside a transaction": ((6, 2), """
        A: MULTI
        A: GET absent
        A: EVAL "return redis.call('get', 'absent')" 0
        A: EXEC
        A: HELLO 5
        A: HELLO 3 SETNAME "a b"
        A: HELLO x
        A: GET absent
    """),
    "BLPOP: there at once": ((6, 2), """
        A: RPUSH l a b
        A: BLPOP none l 1
        A: BRPOP l none 1
        A: BLPOP l 0.01
        A: EXISTS l
    """),
    "BLPOP: waits, first come first served": ((6, 2), """
        A> BLPOP l 0
        blocked 1
        B> BLPOP l m 0
        blocked 2
        C> BRPOP l 0
        blocked 3
        D: RPUSH l 1
        A<
        D: LLEN l
        D: RPUSH l 2 3 4
        B<
        C<
        D: LRANGE l 0 -1
        blocked 0
    """),
    "scripts: one that runs on is killed": ((6, 2), """
        A: SET k 1
        A: CONFIG SET lua-time-limit 10
        A> EVAL "while true do end" 0
        busy
        B: PING
        B: GET k
        B: SET k 2
        C: MULTI
        C: SET k 3
        C: EXEC
        C: EXEC
        D: MULTI
        D: DISCARD
        B: SCRIPT KILL
        A<
        not busy
        B: GET k
        B: SCRIPT KILL
        C: EXEC
        A: PING
    """),
    "scripts: one that runs on and has written": ((6, 2), """
        A: CONFIG SET lua-time-limit 10
        A> EVAL "redis.call('set', KEYS[1], 'x') local e = redis.call('time')[1] + 3 while redis.call('time')[1] + 0 < e do end return 7" 1 k
        busy
        B: SCRIPT KILL
        B: GET k
        not busy
        A<
        B: GET k
    """),
    "scripts: one that only reads, and what waits behind it": ((7, 0), """
        B: SET k 1
        A: CONFIG SET busy-reply-threshold 10
        A> EVAL_RO "while true do end" 0
        A> GET k
        busy
        B: GET k
        B: SCRIPT KILL
        A<
        A<
        not busy
    """),
    "functions: one that runs on is killed": ((7, 0), """
        A: CONFIG SET busy-reply-threshold 10
        A: FUNCTION LOAD "#!lua name=spin\\nredis.register_function('spin', function() while true do end end)"
        A> FCALL spin 0
        busy
        B: PING
        B: SCRIPT KILL
        B: FUNCTION KILL
        A<
        not busy
        B: FUNCTION KILL
        B: FUNCTION STATS
        B> HELLO 3
        B<
        B: FUNCTION STATS
        B: FUNCTION DELETE spin
    """),
    "BLMOVE: what it moves wakes the next at once": ((6, 2), """
        A> BLMOVE one two RIGHT LEFT 0
        blocked 1
        B> BLMOVE two three LEFT RIGHT 0
        blocked 2
        C> BLPOP three 0
        blocked 3
        D: RPUSH one x y
        A<
        B<
        C<
        D: LRANGE one 0 -1
        D: EXISTS two three
        A> BRPOPLPUSH left right 0
        blocked 1
        B> BRPOPLPUSH right left 0
        blocked 2
        D: RPUSH left x
        D: LRANGE left 0 -1
        D: EXISTS right
        A<
        B<
    """),
    "BLPOP: a transaction, a script, RENAME, LMOVE, SORT STORE wake it": ((6, 2), """
        A> BLPOP l 0
        blocked 1
        D: MULTI
        D: RPUSH l x
        D: RPUSH l y
        D: LLEN l
        D: EXEC
        A<
        D: LRANGE l 0 -1
        D: DEL l
        A> BLPOP l 0
        blocked 1
        D: EVAL "redis.call('rpush', KEYS[1], 's'); return 1" 1 l
        A<
        A> BLPOP l 0
        blocked 1
        D: RPUSH other o p
        D: RENAME other l
        A<
        D: DEL l
        A> BLPOP l 0
        blocked 1
        D: RPUSH other q
        D: LMOVE other l LEFT RIGHT
        A<
        A> BLPOP l 0
        blocked 1
        D: RPUSH other 3 1 2
        D: SORT other STORE l
        A<
        D: LRANGE l 0 -1
    """),
    "BLPOP: a push that is undone in the same transaction does not wake it": ((6, 2), """
        A> BLPOP l 0
        blocked 1
        D: MULTI
        D: RPUSH l x
        D: DEL l
        D: EXEC
        D: INFO nosuchsection
        blocked 1
        D: RPUSH l y
        A<
    """),
    "BLPOP: another type": ((6, 2), """
        A: SET s v
        A: BLPOP s 1
        A: BLPOP l s 1
        A> BLPOP l 0
        blocked 1
        D: SADD l x
        D: DEL l
        D: RPUSH l y
        A<
        A> BLPOP l 0
        blocked 1
        D: ZADD l 1 z
        blocked 1
        D: DEL l
        D: RPUSH l z
        A<
    """),
    "BLPOP: arguments": ((6, 2), """
        A: BLPOP l
        A: BLPOP l -1
        A: BLPOP l x
        A: BLPOP l 0x
        A: BLMOVE a b WRONG LEFT 1
        A: BRPOPLPUSH a b
        A: BLPOP l 0.1
        A: BLMOVE a b LEFT RIGHT 0.1
        A: BRPOPLPUSH a b 0.1
        A: BZPOPMIN a 0.1
        A: MULTI
        A: BLPOP l 0
        A: BLMOVE a b LEFT RIGHT 0
        A: BRPOPLPUSH a b 0
        A: BZPOPMIN z 0
        A: XREAD BLOCK 0 STREAMS s $
        A: EXEC
        A> HELLO 3
        A<
        A: BLPOP l 0.1
        A: BLMOVE a b LEFT RIGHT 0.1
        A: BZPOPMIN a 0.1
    """),
    "BLPOP: its own write first, more behind it": ((6, 2), """
        A> RPUSH l x
        A> BLPOP l 0
        A> LLEN l
        A<
        A<
        A<
    """),
    "BLPOP: who leaves is not served": ((6, 2), """
        A> BLPOP l 0
        blocked 1
        B> BLPOP l 0
        blocked 2
        A|
        blocked 1
        D: RPUSH l x
        B<
        D: LLEN l
    """),
    "BLMOVE and BRPOPLPUSH": ((6, 2), """
        A> BLMOVE src dst LEFT RIGHT 0
        blocked 1
        D: RPUSH src 1 2
        A<
        D: LRANGE src 0 -1
        D: LRANGE dst 0 -1
        A: BRPOPLPUSH src dst 0
        D: LRANGE dst 0 -1
        D: SET wrong v
        A> BRPOPLPUSH src wrong 0
        blocked 1
        D: RPUSH src 3
        A<
        D: LRANGE src 0 -1
    """),
    "BLMOVE: wakes another that waits": ((6, 2), """
        A> BLMOVE one two LEFT LEFT 0
        blocked 1
        B> BLPOP two 0
        blocked 2
        D: RPUSH one x
        A<
        B<
        blocked 0
    """),
    "BZPOPMIN and BZPOPMAX": ((6, 2), """
        A> BZPOPMIN z 0
        blocked 1
        B> BZPOPMAX none z 0
        blocked 2
        D: ZADD z 1 a 2.5 b 3 c
        A<
        B<
        D: ZRANGE z 0 -1 WITHSCORES
        A: HELLO 3
        A: BZPOPMIN z 0
        A> BZPOPMAX z 0
        blocked 1
        D: ZINCRBY z 5 m
        A<
        D: SET s v
        A: BZPOPMIN s 0
    """),
    "BLMPOP and BZMPOP": ((7, 0), """
        A> BLMPOP 0 2 none l LEFT COUNT 2
        blocked 1
        D: RPUSH l 1 2 3
        A<
        A: BLMPOP 0 1 l RIGHT
        A> BZMPOP 0 1 z MIN COUNT 10
        blocked 1
        D: ZADD z 1 a 2 b
        A<
        A: HELLO 3
        A> BZMPOP 0 1 z MAX
        blocked 1
        D: ZADD z 1 a 2 b
        A<
        A: BLMPOP 0.01 1 none LEFT
        A: BZMPOP 0.01 1 none MAX
        A: BLMPOP 0 0 l LEFT
        A: BLMPOP 0 1 l MIDDLE
        A: BLMPOP 0 1 l LEFT COUNT 0
        A: BLMPOP -1 1 l LEFT
    """),
    "XREAD": ((6, 2), """
        D: XADD s 1-1 a b
        A: XREAD BLOCK 0 STREAMS s 0
        A> XREAD BLOCK 0 STREAMS none s $ $
        blocked 1
        B> XREAD COUNT 1 BLOCK 0 STREAMS s 1-1
        blocked 2
        D: XADD s 2-1 c d
        A<
        B<
        A: XREAD BLOCK 10 STREAMS s $
        A: XREAD BLOCK -1 STREAMS s $
        A: XREAD BLOCK x STREAMS s $
        A: XREAD BLOCK 10 STREAMS s
        A: HELLO 3
        A: XREAD BLOCK 10 STREAMS s $
        A> XREAD BLOCK 0 STREAMS s $
        blocked 1
        D: XADD s 3-1 e f
        A<
    """),
    "XREAD: another type meanwhile": ((6, 2), """
        A> XREAD BLOCK 0 STREAMS s $
        blocked 1
        D: LPUSH s x
        D: DEL s
        D: XADD s 1-1 a b
        A<
        D: SET other v
        A: XREAD BLOCK 10 STREAMS other $
        A: XREAD BLOCK 10 STREAMS other 0
    """),
    "XREADGROUP": ((6, 2), """
        D: XGROUP CREATE s g $ MKSTREAM
        A> XREADGROUP GROUP g one BLOCK 0 STREAMS s >
        blocked 1
        B> XREADGROUP GROUP g two BLOCK 0 STREAMS s >
        blocked 2
        D: XADD s 1-1 a b
        A<
        D: XADD s 2-1 c d
        B<
        A: XREADGROUP GROUP g one BLOCK 10 STREAMS s >
        A: XREADGROUP GROUP g one BLOCK 0 STREAMS s 0
        D: XPENDING s g
        A: XREADGROUP GROUP nosuch one BLOCK 0 STREAMS s >
    """),
    "XREADGROUP: its group goes": ((6, 2), """
        D: XGROUP CREATE s g $ MKSTREAM
        A> XREADGROUP GROUP g one BLOCK 0 STREAMS s >
        blocked 1
        D: XGROUP DESTROY s g
        A<
    """),
    "XREADGROUP: its stream goes": ((7, 0), """
        D: XGROUP CREATE s g $ MKSTREAM
        A> XREADGROUP GROUP g one BLOCK 0 STREAMS s >
        blocked 1
        D: DEL s
        A<
        D: XGROUP CREATE s g $ MKSTREAM
        A> XREADGROUP GROUP g one BLOCK 0 STREAMS s >
        blocked 1
        D: SET s 1
        A<
    """),
    "XREADGROUP: its stream goes, and comes again": ((6, 2), """
        D: XGROUP CREATE s g $ MKSTREAM
        A> XREADGROUP GROUP g one BLOCK 300 STREAMS s >
        blocked 1
        D: DEL s
        A<
        A: PING
    """),
    "maxmemory that Redis keeps: it evicts, then there is nothing left to evict": ((6, 2), """
        A: CONFIG SET maxmemory-policy allkeys-lru
        A: SET foo bar
        A: CONFIG SET maxmemory 1
        A: GET foo
        A: WATCH x y
        A: MULTI
        A: EXEC
        A: CONFIG SET maxmemory 0
        A: SET foo again
        A: CONFIG SET maxmemory-policy noeviction
        A: GET foo
    """),
    "limits of clients": ((7, 0), """
        A: CONFIG SET maxclients 100 timeout 1000 hz 20
        A: CONFIG GET timeout
        A: CONFIG GET maxcl*
        A: CONFIG SET maxclients 0
        A: CONFIG SET maxclients many
        A: CONFIG SET timeout -1
        A: CONFIG SET TIMEOUT 1x
        A: CONFIG SET hz x timeout 7
        A: CONFIG GET timeout
        A: CONFIG SET client-query-buffer-limit 2mb proto-max-bulk-len 100mb
        A: CONFIG SET client-query-buffer-limit 10
        A: CONFIG SET proto-max-bulk-len few
        A: CONFIG GET client-query-buffer-limit
        A: CONFIG GET proto-max-bulk-len
        A: CONFIG SET client-output-buffer-limit "normal 10mb 1mb 60"
        A: CONFIG SET client-output-buffer-limit "pubsub 10mb 1mb 60 slave 100 50 1"
        A: CONFIG GET client-output-buffer-limit
        A: CONFIG SET client-output-buffer-limit "normal 10mb 1mb"
        A: CONFIG SET client-output-buffer-limit "nobody 10mb 1mb 60"
        A: CONFIG SET client-output-buffer-limit "normal 10mb x 60"
        A: CONFIG SET client-output-buffer-limit "normal 0 0 0 pubsub 32mb 8mb 60 slave 256mb 64mb 60"
        A: CONFIG SET maxclients 10000 timeout 0 hz 10 client-query-buffer-limit 1gb proto-max-bulk-len 512mb
        A: CONFIG SET timeout
        A: CONFIG SET timeout 1 hz
        A: CONFIG SET timeout 1 timeout 2
        A: CONFIG GET timeout
    """),
    "MULTI: what may not be in it": ((7, 0), """
        A: MULTI
        A: SET k 1
        A: SAVE
        A: EXEC
        A: EXISTS k
    """),
    "CLIENT PAUSE: what may write waits and counts as blocked, what is wrong does not wait": ((6, 2), """
        A: PFADD h x
        B: CLIENT PAUSE 60000 WRITE
        A> PFCOUNT h
        blocked 1
        C: SET k
        C: GET k
        C> SET k 1
        blocked 2
        B: CLIENT UNPAUSE
        A<
        C<
    """),
    "CLIENT UNBLOCK": ((6, 2), """
        A: CLIENT UNBLOCK 999999
        A: CLIENT UNBLOCK x
        A: CLIENT UNBLOCK 1 WHAT
    """),
    "pub/sub: channels": ((6, 2), """
        A: SUBSCRIBE news weather
        A<
        B: PUBLISH news hello
        A<
        B: PUBLISH nobody hello
        B: PUBLISH weather sun
        A<
        A: SUBSCRIBE news
        A: PING
        A: PING x
        A: GET k
        A: UNSUBSCRIBE news
        B: PUBLISH news again
        A: UNSUBSCRIBE
        A: UNSUBSCRIBE
        A: GET k
    """),
    "pub/sub: in spite of CLIENT REPLY OFF": ((6, 2), """
        A> HELLO 3
        A<
        A: SUBSCRIBE news
        A> CLIENT REPLY OFF
        B: PUBLISH news one
        A> UNSUBSCRIBE news
        A> CLIENT REPLY SKIP
        A> SUBSCRIBE weather
        A> CLIENT REPLY ON
        A<
    """),
    "monitor: its own commands": ((6, 2), """
        A: MONITOR
        A> RESET
        A<
    """),
    "pub/sub: patterns": ((6, 2), """
        A: PSUBSCRIBE n* ?at[^x] n*
        A<
        A<
        A: SUBSCRIBE news
        B: PUBLISH news hello
        A<
        A<
        B: PUBLISH cats 1
        A<
        B: PUBLISH catx 1
        B: PUBSUB NUMPAT
        B: PUBSUB CHANNELS
        B: PUBSUB CHANNELS x*
        B: PUBSUB NUMSUB news other
        B: PUBSUB NOSUCH
        A: PUNSUBSCRIBE n*
        B: PUBLISH news 2
        A<
        A: PUNSUBSCRIBE
        A: RESET
        A: GET k
        B: PUBSUB NUMPAT
    """),
    "pub/sub: in the order of the writes": ((6, 2), """
        A: SUBSCRIBE c
        B> SET k 1
        B> PUBLISH c one
        B> MULTI
        B> SET k 2
        B> PUBLISH c two
        B> EXEC
        B> EVAL "redis.call('set', 'k', 3); redis.call('publish', 'c', 'three'); return 1" 0
        B> PUBLISH c four
        B<
        B<
        B<
        B<
        B<
        B<
        B<
        B<
        A<
        A<
        A<
        A<
        B: GET k
    """),
    "pub/sub: in RESP3 beside all else": ((6, 2), """
        A> HELLO 3
        A<
        A: SUBSCRIBE c
        A: GET k
        B: PUBLISH c hello
        A<
        A: PING
        A: PSUBSCRIBE *
        B: PUBLISH c hello
        A<
        A<
        A: UNSUBSCRIBE
        A: PUNSUBSCRIBE
        A: PUNSUBSCRIBE
    """),
    "pub/sub: in MULTI": ((6, 2), """
        A: MULTI
        A: SUBSCRIBE c
        A: PING
        A: EXEC
        B: PUBLISH c x
        A<
        A: SET k v
    """),
    "pub/sub: shard channels": ((7, 0), """
        A: SSUBSCRIBE c d
        A<
        A: SUBSCRIBE c
        B: SPUBLISH c hello
        A<
        B: PUBLISH c hello
        A<
        B: PUBSUB SHARDNUMSUB c d e
        B: PUBSUB SHARDCHANNELS d*
        A: SUNSUBSCRIBE d
        A: SUNSUBSCRIBE
        A: SUNSUBSCRIBE x
        B: SPUBLISH c hello
    """),
    "pub/sub: who has left gets nothing": ((6, 2), """
        A: SUBSCRIBE c
        B: PUBLISH c 1
        A<
        A|
        C: SUBSCRIBE c
        B: PUBLISH c 2
        C<
    """),
    "CLIENT REPLY": ((6, 2), """
        A> CLIENT REPLY SKIP
        A> SET k 1
        A: GET k
        A> CLIENT REPLY OFF
        A> SET k 2
        A> PING
        A> GET k
        A: CLIENT REPLY ON
        A: GET k
        A: CLIENT REPLY WHAT
    """),
    "CLIENT KILL and LIST": ((6, 2), """
        A: PING
        B: CLIENT KILL ID 9999999
        B: CLIENT KILL TYPE nosuch
        B: CLIENT KILL 1.2.3.4:5
        B: CLIENT KILL ID 9999999 WHAT 1
        B: CLIENT LIST TYPE replica
        B: CLIENT LIST TYPE nosuch
        B: CLIENT LIST FOO
        B: CLIENT GETREDIR
        A> BLPOP l 0
        blocked 1
        B~ CLIENT KILL TYPE normal SKIPME yes
        A<
        B: PING
    """),
    "no cluster": ((6, 2), """
        A: CLUSTER INFO
        A: CLUSTER SLOTS
        A: READONLY
        A: ASKING
    """),
    "tracking: the key changes": ((6, 2), """
        A> HELLO 3
        A<
        A: CLIENT TRACKING on
        A: GET k
        A: MGET k l
        B: SET k 1
        A<
        B: SET k 2
        B: SET l 2
        A<
        A: GET k
        B: EXPIRE k 100
        A<
        A: HGETALL h
        B: EVAL "return redis.call('hset', KEYS[1], 'f', 'v')" 1 h
        A<
        A: PING
    """),
    "tracking: expiry, rename, flush": ((6, 2), """
        A> HELLO 3
        A<
        B: SET k 1 PX 200
        A: CLIENT TRACKING on
        A: GET k
        A<
        B: SET a 1
        A: GET a
        A: GET b
        B: RENAME a b
        A<
        A<
        A: GET x
        B: FLUSHALL
        A<
        A: PING
    """),
    "tracking: in a transaction": ((6, 2), """
        A> HELLO 3
        A<
        A: CLIENT TRACKING on
        A: MULTI
        A: GET k
        A: PING
        A: EXEC
        B: SET k 1
        A<
        A: PING
    """),
    "tracking: off, and the reset": ((6, 2), """
        A> HELLO 3
        A<
        A: CLIENT TRACKING on
        A: GET k
        A: CLIENT TRACKING off
        B: SET k 1
        A: CLIENT TRACKING on NOLOOP
        A: GET k
        A: CLIENT TRACKINGINFO
        A: RESET
        A: CLIENT TRACKINGINFO
        B: SET k 2
        A: PING
    """),
    "tracking: BCAST of all keys": ((6, 2), """
        A> HELLO 3
        A<
        A: CLIENT TRACKING on BCAST
        B: SET one 1
        A<
        B: SET two 1
        A<
        A: PING
    """),
    "tracking: BCAST": ((6, 2), """
        A> HELLO 3
        A<
        A: CLIENT TRACKING on BCAST PREFIX user: PREFIX thing:
        A: CLIENT TRACKINGINFO
        B: SET user:1 a
        A<
        B: SET other 1
        B: MSET user:3 1 thing:7 1
        A<
        A<
        B: SET user:2 a
        A<
        A: CLIENT TRACKING on BCAST PREFIX user
        A: CLIENT TRACKING on
        A: CLIENT TRACKING off
        A: PING
    """),
    "tracking: OPTIN": ((6, 2), """
        A> HELLO 3
        A<
        A: CLIENT CACHING yes
        A: CLIENT TRACKING on OPTIN
        A: GET k
        A: CLIENT CACHING yes
        A: CLIENT TRACKINGINFO
        A: GET l
        A: GET m
        B: MSET k 1 l 1 m 1
        A<
        A: CLIENT CACHING yes
        A: MULTI
        A: GET n
        A: GET o
        A: EXEC
        B: SET n 1
        A<
        B: SET o 1
        A<
        A: CLIENT CACHING no
        A: PING
    """),
    "tracking: OPTOUT": ((6, 2), """
        A> HELLO 3
        A<
        A: CLIENT TRACKING on OPTOUT
        A: CLIENT CACHING no
        A: GET k
        A: GET l
        B: MSET k 1 l 1
        A<
        A: CLIENT CACHING yes
        A: CLIENT TRACKING on OPTIN
        A: PING
    """),
    "tracking: NOLOOP": ((6, 2), """
        A> HELLO 3
        A<
        A: CLIENT TRACKING on NOLOOP
        A: GET k
        A: SET k 1
        A: GET k
        B: SET k 2
        A<
        A: PING
    """),
    "tracking: what is refused": ((6, 2), """
        A: CLIENT TRACKING on REDIRECT 99999
        A: CLIENT GETREDIR
        A: CLIENT TRACKING on BCAST OPTIN
        A: CLIENT TRACKING on OPTIN OPTOUT
        A: CLIENT TRACKING on PREFIX x
        A: CLIENT TRACKING maybe
        A: CLIENT TRACKING on REDIRECT x
    """),
    "keyspace notifications": ((6, 2), """
        B: CONFIG SET notify-keyspace-events KEA
        A: PSUBSCRIBE __key*@0__:*
        B: SET k 1
        A<
        A<
        B: LPUSH l a b
        A<
        A<
        B: INCRBYFLOAT f 1.5
        A<
        A<
        B: MULTI
        B: DEL k
        B: EXEC
        A<
        A<
        B: SET gone 1 PX 100
        A<
        A<
        A<
        A<
        A<
        A<
        C: SUBSCRIBE __keyevent@0__:set
        C: SUBSCRIBE other
        B: SELECT 1
        B: SET elsewhere 1
        B: SELECT 0
        B: SET here 1
        C<
        C: UNSUBSCRIBE other
        C: UNSUBSCRIBE
        A<
        A<
        B: PUBLISH __keyevent@0__:set mine
        A<
        A: PUNSUBSCRIBE
        B: CONFIG SET notify-keyspace-events ""
    """),
    "CLIENT PAUSE": ((7, 0), """
        A: CLIENT PAUSE 100000 WRITE
        B: GET k
        B> SET k 1
        A: GET k
        C: MULTI
        C: GET k
        C: EXEC
        A: CLIENT UNPAUSE
        B<
        A: GET k
        A: CLIENT PAUSE x
        A: CLIENT PAUSE 10 sometimes
        A: CLIENT PAUSE -1
        A: CLIENT PAUSE 150
        A: PING
    """),
    "roles": ((6, 2), """
        A: REPLICAOF NO ONE
        A: SLAVEOF NO ONE
        A: ACL WHOAMI
        A: MULTI
        A: ACL WHOAMI
        A: EXEC
        A: ACL CAT nonsense
    """),
    "blocking: a reader of a group has read before the writer says anything else": ((7, 0), """
        A: XGROUP CREATE st g $ MKSTREAM
        B> XREADGROUP GROUP g bob BLOCK 0 NOACK STREAMS st >
        blocked 1
        A: XADD st 1-1 f v
        A: XINFO GROUPS st
        B<
    """),
}
