"""Scenarios about users and their rights; see session_scenarios. Each leaves only the user default, as it was."""

SCENARIOS = {
    "users: made, listed, changed, deleted": ((6, 2), """
        A: ACL LIST
        A: ACL USERS
        A: ACL WHOAMI
        A: ACL SETUSER alice
        A: ACL GETUSER alice
        A: ACL SETUSER alice on >pw ~a* +@read
        A: ACL GETUSER alice
        A: ACL LIST
        A: ACL SETUSER alice +set resetkeys ~b:* nopass
        A: ACL LIST
        A: ACL SETUSER bob reset on #2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae allkeys allcommands
        A: ACL GETUSER bob
        A: ACL USERS
        A: ACL DELUSER nobody alice
        A: ACL USERS
        A: ACL GETUSER alice
        A: ACL DELUSER bob
        A: ACL DELUSER bob
        A: ACL LIST
    """),
    "users: what is wrong with a rule": ((6, 2), """
        A: ACL SETUSER alice +nosuchcommand
        A: ACL SETUSER alice on >pw +@nosuch ~a
        A: ACL SETUSER alice #nohash
        A: ACL SETUSER alice <absent
        A: ACL SETUSER alice nonsense
        A: ACL SETUSER
        A: ACL DELUSER
        A: ACL DELUSER default
        A: ACL DELUSER x default y
        A: ACL NOSUCH
        A: ACL USERS
        A: ACL SETUSER alice on ~* ~a
        A: ACL DELUSER alice
    """),
    "users: signing in": ((6, 2), """
        A: ACL SETUSER alice on >pw ~* &* +@all
        A: ACL SETUSER gone off >pw ~* &* +@all
        B: AUTH alice wrong
        B: ACL WHOAMI
        B: AUTH nobody pw
        B: AUTH gone pw
        B: AUTH pw
        B: AUTH
        B: AUTH a b c
        B: AUTH alice pw
        B: ACL WHOAMI
        B: SET a 1
        B: RESET
        B: ACL WHOAMI
        C: HELLO 3 AUTH alice wrong
        C: PING
        C: HELLO 2 AUTH alice
        C: HELLO 4 AUTH alice pw
        C~ HELLO 3 AUTH alice pw SETNAME carol
        C: ACL WHOAMI
        C: CLIENT GETNAME
        A: ACL DELUSER alice gone
        B: PING
    """),
    "users: the default user has a password": ((6, 2), """
        A: ACL SETUSER default >secret
        A: PING
        B: PING
        B: GET a
        B: NOSUCH
        B: GET
        B: MULTI
        B: HELLO 3
        B: SUBSCRIBE c
        B: CLIENT ID
        B: AUTH wrong
        B: AUTH default wrong
        B: AUTH secret
        B: SET a 1
        B: GET a
        C: HELLO 3
        C~ HELLO 3 AUTH default secret
        C: GET a
        C: RESET
        C: GET a
        C: QUIT
        A: ACL SETUSER default nopass
        D: GET a
    """),
    "users: reads and writes that are refused": ((6, 2), """
        A: MSET a 1 b 2 other x
        A: RPUSH al x y
        A: ACL SETUSER alice on nopass ~a* +@all -del -config -eval
        B: AUTH alice x
        B: GET a
        B: GET b
        B: MGET a b
        B: SET a 2
        B: SET b 2
        B: DEL a
        B: CONFIG GET maxmemory
        B: CONFIG SET maxmemory 1
        B: EVAL "return 1" 0
        B: EXPIRE b 100
        B: EXPIRE a 100000
        B: RENAME a b
        B: RENAME a a2
        B: SUNIONSTORE a b
        B: LMOVE al al LEFT RIGHT
        B: BLPOP al 0.01
        B: BLPOP b 0.01
        B: XADD b * f v
        B: XADD ast 1-1 f v
        B: PING
        B: DBSIZE
        B: NOSUCH
        B: GET
        B: UNLINK a2 b
        A: MGET a a2 b
        A: ACL DELUSER alice
        A: DEL a a2 b other al ast
    """),
    "users: a few commands only": ((6, 2), """
        A: SET a 1
        A: ACL SETUSER alice on nopass ~a +get +set
        B: AUTH alice x
        B: GET a
        B: SET a 2
        B: PING
        B: ECHO hi
        B: MULTI
        B: EXEC
        B: DISCARD
        B: SELECT 1
        B: CLIENT ID
        B: SUBSCRIBE c
        B: ACL WHOAMI
        B: INFO
        B: WATCH a
        B: PUBLISH c x
        B: SCRIPT LOAD "return 1"
        B: COMMAND COUNT
        B: TIME
        A: ACL DELUSER alice
        A: DEL a
    """),
    "users: RESET is everybody's": ((7, 0), """
        A: ACL SETUSER alice on nopass ~a +get
        B: AUTH alice x
        B: RESET
        B: PING
        A: ACL DELUSER alice
    """),
    "users: subcommands": ((6, 2), """
        A: ACL SETUSER alice on nopass ~* &* +@all -client +client|id +config|get
        B: AUTH alice x
        B~ CLIENT ID
        B: CLIENT GETNAME
        B: CLIENT LIST
        B: CONFIG SET maxmemory 0
        A: ACL DELUSER alice
    """),
    "users: transactions": ((6, 2), """
        A: MSET a 1 b 2
        A: ACL SETUSER alice on nopass ~a* +@all -del
        B: AUTH alice x
        B: MULTI
        B: SET a 5
        B: GET b
        B: EXEC
        B: MULTI
        B: SET a 6
        B: INCR a
        B: EXPIRE a 100000
        B: EXEC
        B: MULTI
        B: DEL a
        B: EXEC
        B: WATCH b
        B: WATCH a
        B: MULTI
        B: GET a
        B: EXEC
        B: GET a
        A: ACL DELUSER alice
        A: DEL a b
    """),
    "users: rights that change before EXEC": ((6, 2), """
        A: MSET a 1 b 2 c 3
        A: ACL SETUSER alice on nopass ~* +@all
        B: AUTH alice x
        B: MULTI
        B: SET a 5
        B: DEL b
        B: GET c
        B: INCR c
        A: ACL SETUSER alice resetkeys ~c -del
        B: EXEC
        A: MGET a b c
        B: GET a
        A: ACL SETUSER alice ~a
        B: GET a
        B: MULTI
        B: GET a
        A: ACL SETUSER alice allkeys +@all
        B: EXEC
        A: ACL DELUSER alice
        A: DEL a b c
    """),
    "users: scripts act for who calls them": ((6, 2), """
        A: MSET a 1 b 2
        A: ACL SETUSER alice on nopass ~a* +@all -del
        B: AUTH alice x
        B: EVAL "return redis.call('GET', KEYS[1])" 1 a
        B: EVAL "return redis.call('GET', KEYS[1])" 1 b
        B: EVAL "return redis.pcall('GET', 'b')['err'] ~= nil" 0
        B: EVAL "return redis.pcall('DEL', 'a')['err'] ~= nil" 1 a
        B: EVAL "redis.call('SET', 'a', '7'); return redis.pcall('SET', 'b', '8')['err'] ~= nil" 0
        B: MULTI
        B: EVAL "return redis.call('INCR', KEYS[1])" 1 a
        B: EVAL "return redis.pcall('INCR', 'b')['err'] ~= nil" 0
        B: EXEC
        A: MGET a b
        A: ACL SETUSER alice -eval
        B: EVAL "return 1" 0
        A: ACL DELUSER alice
        A: DEL a b
    """),
    "users: SORT looks at keys that it does not name": ((7, 0), """
        A: RPUSH al 2 1
        A: MSET w1 5 w2 4
        A: ACL SETUSER alice on nopass ~a* +@all
        B: AUTH alice x
        B: SORT al
        B: SORT al BY w*
        B: SORT al BY w* STORE a2
        B: SORT al GET w*
        B: SORT al STORE a2
        B: LRANGE a2 0 -1
        A: ACL DELUSER alice
        A: DEL al a2 w1 w2
    """),
    "users: channels": ((6, 2), """
        A: ACL SETUSER alice on nopass ~* resetchannels &c* +@all
        B: AUTH alice x
        B: SUBSCRIBE other
        B: PSUBSCRIBE c?
        B: PSUBSCRIBE c*
        B: PUNSUBSCRIBE
        B: SUBSCRIBE c1
        C: AUTH alice x
        C: PUBLISH other x
        C: PUBLISH c1 hello
        B<
        C: SUBSCRIBE c2
        A: ACL SETUSER alice resetchannels &c2
        B: PING
        C: PING
        A: ACL DELUSER alice
        C: PING
    """),
    "users: selectors": ((7, 0), """
        A: MSET a 1 b 2
        A: ACL SETUSER alice on nopass +ping (+get ~a) (+set %W~b) (+mget %R~a %R~b)
        A: ACL GETUSER alice
        A: ACL LIST
        B: AUTH alice x
        B: GET a
        B: GET b
        B: SET a 1
        B: SET b 3
        B: SET b 3 GET
        B: MGET a b
        A: ACL SETUSER alice clearselectors
        B: GET a
        A: ACL DRYRUN alice GET a
        A: ACL DRYRUN alice PING
        A: ACL DRYRUN nobody PING
        A: ACL DELUSER alice
        A: DEL a b
    """),
    "users: the default user is restricted": ((6, 2), """
        A: ACL SETUSER admin on >pw ~* &* +@all
        A: AUTH admin pw
        A: SET a 1
        A: ACL SETUSER default resetkeys ~a* -@all +get +set +acl|whoami
        B: GET a
        B: GET b
        B: SET a 2
        B: DEL a
        B: ACL WHOAMI
        B: FLUSHALL
        A: ACL SETUSER default off
        C: GET a
        C: AUTH default x
        B: GET a
        C: AUTH admin pw
        C: GET a
        C: ACL SETUSER default reset on nopass ~* &* +@all
        C: ACL LIST
        D: PING
        D: ACL DELUSER admin
        D: DEL a
    """),
    "users: one that is gone": ((6, 2), """
        A: ACL SETUSER alice on nopass ~* &* +@all
        B: AUTH alice x
        B: MULTI
        B: SET a 1
        A: ACL DELUSER alice
        B: EXEC
        A: EXISTS a
    """),
    "users: passwords are taken away": ((6, 2), """
        A: ACL SETUSER alice on >one >two ~* &* +@all
        B: AUTH alice one
        C: AUTH alice two
        A: ACL SETUSER alice <one
        D: AUTH alice one
        D: AUTH alice two
        B: ACL WHOAMI
        A: ACL SETUSER alice resetpass
        D: AUTH alice two
        A: ACL SETUSER alice off
        B: ACL WHOAMI
        A: ACL DELUSER alice
    """),
    "users: in a pipeline": ((6, 2), """
        A> ACL SETUSER alice on >pw ~a* +@all
        A> AUTH alice pw
        A> SET a 1
        A> SET b 1
        A> ACL WHOAMI
        A> GET a
        A<
        A<
        A<
        A<
        A<
        A<
        B: ACL DELUSER alice
        B: DEL a
    """),
}
