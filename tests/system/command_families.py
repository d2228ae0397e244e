"""Commands of all families, to be given to Holdfast and to a plain Redis alike.

One command a line, its arguments separated by blanks; an argument in quotes may hold blanks and escapes such as \\xff.
What one build does not know is an error there, and the same error through Holdfast.
"""
import shlex


def commands(text):
    """The commands of a text, each a list of bytes."""
    return [[argument.encode("latin-1").decode("unicode_escape").encode("latin-1") for argument in shlex.split(line)]
            for line in text.strip().splitlines() if line.strip()]


FAMILIES = {
    "flushing": r"""
        SET a 1
        SELECT 3
        SET b 2
        FLUSHALL
        DBSIZE
        SELECT 0
        DBSIZE
        SET a 2
        FLUSHALL ASYNC
        GET a
        MULTI
        SET a 3
        FLUSHALL
        SET b 4
        EXEC
        GET a
        FLUSHALL NONSENSE
        FLUSHALL SYNC
        EVAL "redis.call('SET', 'a', '1') redis.call('FLUSHALL') return redis.call('SET', 'b', '2')" 0
        DBSIZE
        DEL b
    """,
    "strings": r"""
        SET s1 hello
        GET s1
        GET absent
        SETNX s1 other
        SETNX s2 two
        SET s1 new GET
        SET s3 x NX GET
        SET s3 x XX
        SET s4 y XX
        SET s3 z NX
        APPEND s1 " and more"
        APPEND s5 fresh
        STRLEN s1
        STRLEN absent
        GETRANGE s1 0 2
        SUBSTR s1 -4 -1
        SETRANGE s1 3 XYZ
        SETRANGE s6 5 padded
        SETRANGE absent 0 ""
        GETSET s1 swapped
        GETDEL s5
        GETDEL s5
        GETEX s1
        MSET m1 1 m2 2 m3 3
        MGET m1 m2 absent m3
        MSETNX m3 x m4 y
        MSETNX m5 5 m6 6
        INCR counter
        INCR counter
        INCRBY counter 40
        DECR counter
        DECRBY counter 5
        INCRBYFLOAT counter 0.5
        INCRBYFLOAT float 3.0e3
        INCRBYFLOAT float -1e-2
        INCR s1
        INCRBY counter 9223372036854775807
        SET big 9223372036854775807
        INCR big
        LCS s1 s2
        SETEX e1 1000 v
        PSETEX e2 1000000 v
        SETEX e3 0 v
        SETEX e3 -5 v
        SETEX e3 abc v
        SET e4 v EX 5000
        SET e5 v PX 5000000 NX
        SET e6 v EXAT 33177117420
        SET e7 v PXAT 33177117420000
        SET e4 w KEEPTTL
        SET e4 w EX 10 KEEPTTL
        SET e8 v EX 0
        SET e8 v FOO
        GET e4
        GETEX e4 PERSIST
        TTL e4
        GETEX e5 PXAT 33177117420000
        PEXPIRETIME e5
        SET "" "empty key"
        GET ""
        SET "bin\x00\r\n\xff" "\x00\r\n\x01\xfe"
        GET "bin\x00\r\n\xff"
        SET a
        GET a b
        NOSUCHCOMMAND with arguments
        set lower case
        sEt lower2 x
    """,
    "hashes": r"""
        HSET h f1 v1 f2 v2
        HSET h f1 v1b f3 v3
        HSETNX h f1 no
        HSETNX h f4 yes
        HGET h f1
        HGET h absent
        HMSET h f5 5 f6 6
        HMGET h f1 absent f6
        HGETALL h
        HKEYS h
        HVALS h
        HLEN h
        HSTRLEN h f1
        HEXISTS h f1
        HINCRBY h n 5
        HINCRBY h n -7
        HINCRBY h f1 1
        HINCRBYFLOAT h x 1.5
        HINCRBYFLOAT h x 1e2
        HDEL h f2 absent
        HDEL h absent
        HRANDFIELD h 100
        HSCAN h 0 COUNT 100
        HSET h odd
        HSET "\x00h" "\x00" "\xff"
        HGETDEL h FIELDS 1 f5
        HSETEX h FXX FIELDS 1 f6 66
        HGETEX h FIELDS 1 f6
        HEXPIRE h 1000000 FIELDS 1 f6
        HPERSIST h FIELDS 1 f6
        HEXPIREAT h 33177117420 FIELDS 1 f6
        HTTL absent FIELDS 1 f6
        HPEXPIRETIME h FIELDS 1 f6
        HEXPIREAT h 1 FIELDS 1 f6
        HGETALL h
        HSET gone a 1
        HDEL gone a
        EXISTS gone
    """,
    "lists": r"""
        RPUSH l a b c
        LPUSH l z
        LPUSHX l y
        RPUSHX absent x
        LLEN l
        LRANGE l 0 -1
        LINDEX l 1
        LINDEX l 100
        LSET l 0 first
        LSET l 100 x
        LSET absent 0 x
        LINSERT l BEFORE a before
        LINSERT l AFTER nothing x
        LREM l 1 b
        LREM l 0 nothing
        LPOS l c
        LPOS l c COUNT 0
        RPUSH l 1 2 3 4 5
        LTRIM l 1 -2
        LPOP l
        LPOP l 2
        RPOP l
        RPOP absent
        LPOP absent 3
        RPOPLPUSH l l2
        LMOVE l l2 LEFT RIGHT
        LMOVE absent l2 LEFT RIGHT
        LMPOP 2 absent l LEFT COUNT 2
        LMPOP 1 absent RIGHT
        LRANGE l2 0 -1
        RPUSH "\x00l\r\n" "\x00" "" "\r\n"
        LRANGE "\x00l\r\n" 0 -1
        LPUSH s1 x
        RPUSH pop1 x
        LPOP pop1
        EXISTS pop1
        SORT l2 ALPHA
        RPUSH nums 3 1 2
        SORT nums
        SORT nums DESC LIMIT 0 2 STORE sorted
        LRANGE sorted 0 -1
        SORT l2
    """,
    "sets": r"""
        SADD t a b c d
        SADD t a
        SADD ints 1 2 3
        SADD ints 4 5
        SREM t d nothing
        SREM t nothing
        SCARD t
        SISMEMBER t a
        SMISMEMBER t a x b
        SMEMBERS t
        SMEMBERS ints
        SADD u b c e
        SINTER t u
        SUNION t u
        SDIFF t u
        SINTERCARD 2 t u
        SINTERSTORE ti t u
        SUNIONSTORE tu t u
        SDIFFSTORE td t u
        SDIFFSTORE empty absent
        SMOVE t u a
        SMOVE t u nothing
        SMEMBERS u
        SRANDMEMBER t 100
        SSCAN u 0 COUNT 100
        SPOP absent
        SPOP ints 0
        SPOP ti 100
        EXISTS ti
        SADD s1 x
        SADD "\x00t" "\x00\xff"
    """,
    "sorted sets": r"""
        ZADD z 1 a 2 b 3 c
        ZADD z NX 9 a 4 d
        ZADD z XX CH 5 a 6 new
        ZADD z GT 1 d
        ZADD z LT CH 1 d
        ZADD z INCR 2.5 b
        ZADD z NX INCR 1 b
        ZADD z NX XX 1 b
        ZADD z nan x
        ZADD z +inf i -inf j
        ZINCRBY z 1.25 c
        ZINCRBY z 1 fresh
        ZSCORE z a
        ZSCORE z absent
        ZMSCORE z a absent b
        ZCARD z
        ZCOUNT z (1 +inf
        ZRANK z a
        ZREVRANK z a
        ZRANK z absent
        ZRANGE z 0 -1 WITHSCORES
        ZRANGE z (1 5 BYSCORE LIMIT 0 2
        ZRANGE z 0 1 REV
        ZREVRANGE z 0 1
        ZRANGEBYSCORE z -inf 4 WITHSCORES LIMIT 1 2
        ZREVRANGEBYSCORE z 4 0
        ZADD lex 0 a 0 b 0 c 0 d
        ZRANGEBYLEX lex [b +
        ZREVRANGEBYLEX lex + [c
        ZLEXCOUNT lex - +
        ZRANGESTORE zr z 0 2
        ZRANGESTORE zr2 z absent 0 -1
        ZADD z2 1 a 1 q
        ZUNION 2 z z2 WITHSCORES
        ZINTER 2 z z2
        ZDIFF 2 z z2
        ZUNIONSTORE zu 2 z z2 WEIGHTS 2 3 AGGREGATE MAX
        ZINTERSTORE zi 2 z z2
        ZDIFFSTORE zd 2 z z2
        ZINTERCARD 2 z z2
        ZPOPMIN zu
        ZPOPMAX zu 2
        ZPOPMIN absent
        ZMPOP 1 zu MIN COUNT 2
        ZREM z a nothing
        ZREM z nothing
        ZREMRANGEBYRANK z 0 0
        ZREMRANGEBYSCORE z 100 200
        ZREMRANGEBYSCORE z -inf 2
        ZREMRANGEBYLEX lex [a [b
        ZRANDMEMBER lex 100
        ZSCAN z 0 COUNT 100
        ZADD s1 1 x
    """,
    "bitmaps": r"""
        SETBIT b 7 1
        SETBIT b 7 1
        SETBIT b 100 1
        SETBIT b 5 2
        GETBIT b 7
        GETBIT b 1000
        BITCOUNT b
        BITCOUNT b 0 0
        BITPOS b 1
        BITOP NOT b2 b
        BITOP XOR b3 b b2
        BITOP AND empty absent absent2
        BITFIELD b SET u8 0 255 GET u4 4
        BITFIELD b INCRBY i5 100 3 OVERFLOW FAIL INCRBY u2 102 1
        BITFIELD b GET u8 0
        BITFIELD_RO b GET u8 0
        BITFIELD newbits INCRBY u8 0 1
        SETBIT l 1 1
        GET b3
    """,
    "hyperloglog and geo": r"""
        PFADD p a b c
        PFADD p a
        PFADD p2 c d
        PFADD emptyp
        PFCOUNT p
        PFCOUNT p p2
        PFMERGE pm p p2
        PFCOUNT pm
        PFADD s1 x
        GEOADD g 13.361389 38.115556 Palermo 15.087269 37.502669 Catania
        GEOADD g NX 1 1 Palermo 2 2 New
        GEOADD g XX CH 13.5 38.2 Palermo
        GEOADD g 200 100 wrong
        GEODIST g Palermo Catania km
        GEOPOS g Palermo absent
        GEOHASH g Palermo Catania
        GEORADIUS g 15 37 200 km WITHDIST ASC
        GEORADIUSBYMEMBER g Palermo 200 km
        GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 200 km ASC
        GEOSEARCHSTORE gs g FROMLONLAT 15 37 BYBOX 400 400 km
        GEORADIUS g 15 37 200 km STORE gs2
        ZRANGE gs 0 -1 WITHSCORES
    """,
    "streams": r"""
        XADD x 1-1 a 1
        XADD x 1-2 b 2 c 3
        XADD x 1-2 b 2
        XADD x 0-0 b 2
        XADD x NOMKSTREAM 2-1 d 4
        XADD absent NOMKSTREAM 2-1 d 4
        XADD x MAXLEN 3 3-1 e 5
        XADD x MAXLEN = 3 4-1 e 5
        XADD x MINID 2 5-1 e 5
        XADD x 6-* f 6
        XLEN x
        XRANGE x - +
        XRANGE x 2 3 COUNT 1
        XREVRANGE x + - COUNT 2
        XREAD COUNT 2 STREAMS x 0
        XREAD STREAMS x 99
        XREAD STREAMS x
        XGROUP CREATE x g1 0
        XGROUP CREATE x g1 0
        XGROUP CREATE absent g1 $
        XGROUP CREATE newx g1 $ MKSTREAM
        XGROUP CREATECONSUMER x g1 bob
        XREADGROUP GROUP g1 alice COUNT 2 STREAMS x >
        XREADGROUP GROUP g1 alice COUNT 2 NOACK STREAMS x >
        XREADGROUP GROUP nogroup alice STREAMS x >
        XPENDING x g1
        XACK x g1 3-1
        XACK x g1 99-1
        XCLAIM x g1 bob 0 4-1 JUSTID
        XAUTOCLAIM x g1 carol 0 0 JUSTID
        XGROUP SETID x g1 0
        XGROUP DELCONSUMER x g1 bob
        XDEL x 3-1
        XDEL x 99-1
        XTRIM x MAXLEN 2
        XTRIM x MAXLEN ~ 1
        XSETID x 100-1
        XINFO STREAM newx
        XGROUP DESTROY newx g1
        XGROUP DESTROY newx g1
        XRANGE x - +
        XADD s1 1-1 a b
    """,
    "key space": r"""
        SET k1 a
        SET k2 b
        EXISTS k1 k2 k1 absent
        TYPE k1
        TYPE h
        TYPE absent
        OBJECT ENCODING k1
        OBJECT ENCODING counter
        OBJECT REFCOUNT k1
        OBJECT HELP
        TOUCH k1 absent
        RENAME k1 k3
        RENAME absent k4
        RENAMENX k3 k2
        RENAMENX k3 k5
        COPY k5 k6
        COPY k5 k2
        COPY k5 k2 REPLACE
        COPY k5 elsewhere DB 3
        COPY k5 elsewhere DB 99
        COPY absent k9
        MOVE k6 2
        MOVE k6 2
        MOVE k5 99
        DEL k2 absent
        DEL absent
        UNLINK k5 absent
        EXPIRE s1 100000
        EXPIRE s1 abc
        EXPIRE s1 100 NX GT
        EXPIRE s1 90000 GT
        EXPIRE s1 200000 GT
        PEXPIRE s1 100000000
        EXPIREAT s1 33177117420
        PEXPIREAT s1 33177117420000
        EXPIRETIME s1
        PERSIST s1
        PERSIST s1
        TTL s1
        TTL absent
        EXPIRE s2 -1
        EXISTS s2
        SET gone2 x
        PEXPIREAT gone2 1
        GET gone2
        EXPIRE absent 100
        DUMP absent
        RESTORE restored 0 "\x00\xc0\x05\x09\x00\xe1\xa6\xb8\xf9\xc6\x88\x4d\xfc"
        RESTORE restored 0 nonsense
        DBSIZE
        KEYS k*
        KEYS *nothing*
        SCAN 0 COUNT 1000 MATCH s*
        SCAN 0 COUNT 1000 TYPE hash
        SCAN abc
        RANDOMKEY
        WAIT 0 0
        PING
        PING hello
        ECHO "x\x00y"
        COMMAND COUNT
        COMMAND INFO get set nothing
        COMMAND GETKEYS MSET a 1 b 2
        CONFIG GET maxmemory-policy
        SLOWLOG HELP
        CLIENT GETNAME
        CLIENT SETNAME tester
        CLIENT GETNAME
        CLIENT SETNAME "not allowed"
        LOLWUT VERSION 5 1 1 1
    """,
    "databases": r"""
        SELECT 3
        GET elsewhere
        SET here 3
        SELECT 5
        SET here 5
        LPUSH list a b c
        SELECT 3
        GET here
        SWAPDB 3 5
        GET here
        SWAPDB 3 99
        SWAPDB 3 3
        SWAPDB a b
        SELECT 99
        SELECT -1
        SELECT abc
        SELECT 6
        SET x y
        DBSIZE
        FLUSHDB
        DBSIZE
        SET x z
        FLUSHDB ASYNC
        FLUSHDB NONSENSE
        FLUSHDB
        SET after flush
        SELECT 0
    """,
    "transactions": r"""
        MULTI
        SET tx 1
        INCR tx
        GET tx
        LPUSH tx wrong
        SELECT 4
        SET inner 4
        SELECT 0
        DBSIZE
        PING
        EXEC
        GET tx
        MULTI
        SET tx 100
        DISCARD
        GET tx
        MULTI
        SET tx 200
        NOSUCH command
        SET tx
        EXEC
        GET tx
        MULTI
        MULTI
        EXEC
        EXEC
        DISCARD
        MULTI
        GET tx
        HGETALL absent
        EXEC
        MULTI
        EXEC
        MULTI
        EVAL "redis.call('SET', KEYS[1], ARGV[1]) return redis.call('GET', KEYS[1])" 1 txs v
        SET e9 v EX 100000
        INCRBYFLOAT txf 1.5
        FLUSHDB nonsense
        EXEC
        SELECT 4
        GET inner
        SELECT 0
    """,
    "scripts": r"""
        EVAL "return 1" 0
        EVAL "return {1,2,{3,'x'}}" 0
        EVAL "return redis.call('INCRBY', KEYS[1], ARGV[1])" 1 sc 5
        EVAL "redis.call('SET', KEYS[1], '1') redis.call('HSET', KEYS[2], 'a', '1') return 'both'" 2 sc1 sc2
        EVAL "redis.call('SET', KEYS[1], '2') error('failed')" 1 sc3
        GET sc3
        EVAL "return redis.pcall('LPUSH', KEYS[1], 'x')" 1 sc
        EVAL "return redis.error_reply('MY own')" 0
        EVAL "return redis.call('NOSUCH')" 0
        EVAL "syntax error here" 0
        EVAL "redis.call('SELECT', 7) redis.call('SET', 'inner7', '1') return 1" 0
        SELECT 7
        GET inner7
        SELECT 0
        EVAL "for i = 1, 300 do redis.call('RPUSH', KEYS[1], i) end return redis.call('LLEN', KEYS[1])" 1 sclist
        EVAL "return redis.call('GET', KEYS[1])" 1 sc
        EVAL "return #ARGV" x
        SCRIPT LOAD "return redis.call('INCR', KEYS[1])"
        EVALSHA fd758d1589d044dd850a6f05d52f2eefd27f033f 1 sc
        SCRIPT EXISTS fd758d1589d044dd850a6f05d52f2eefd27f033f aaaa
        EVALSHA ffffffffffffffffffffffffffffffffffffffff 0
        EVAL_RO "return redis.call('GET', KEYS[1])" 1 sc
        EVAL_RO "return redis.call('SET', KEYS[1], '1')" 1 sc
        FUNCTION LOAD "#!lua name=lib\nredis.register_function('put', function(k, a) return redis.call('SET', k[1], a[1]) end)"
        FCALL put 1 fn value
        FCALL nothing 0
        GET fn
        FUNCTION LIST
        SCRIPT FLUSH
        SCRIPT EXISTS fd758d1589d044dd850a6f05d52f2eefd27f033f
    """,
}

# Replies that hold members in an order that Redis chooses, by the first word of the command.
UNORDERED = {b"SMEMBERS", b"SINTER", b"SUNION", b"SDIFF", b"KEYS", b"HGETALL", b"HKEYS", b"HVALS", b"HRANDFIELD",
             b"SRANDMEMBER", b"ZRANDMEMBER", b"SSCAN", b"HSCAN", b"SCAN", b"SPOP", b"COMMAND", b"FUNCTION"}
# Replies of which only the kind can be compared.
RANDOM = {b"RANDOMKEY"}
