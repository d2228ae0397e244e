package main

import (
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

func checkKeys(client *redis.Client) {
	must(client.Set(ctx, "a", 1, 0).Result())
	same("EXISTS", must(client.Exists(ctx, "a", "a", "none").Result()), int64(2))
	same("TYPE", must(client.Type(ctx, "none").Result()), "none")
	same("COPY", must(client.Copy(ctx, "a", "b", 0, false).Result()), int64(1))
	same("RENAMENX", must(client.RenameNX(ctx, "a", "b").Result()), false)
	same("RENAME", must(client.Rename(ctx, "a", "c").Result()), "OK")
	same("TOUCH", must(client.Touch(ctx, "b", "c").Result()), int64(2))
	same("OBJECT ENCODING", must(client.ObjectEncoding(ctx, "b").Result()), "int")
	same("EXPIRE GT", must(client.ExpireGT(ctx, "b", time.Minute).Result()), false)
	same("EXPIRE", must(client.Expire(ctx, "b", time.Minute).Result()), true)
	same("PERSIST", must(client.Persist(ctx, "b").Result()), true)
	at := time.Now().Add(time.Hour).Truncate(time.Second)
	same("EXPIREAT", must(client.ExpireAt(ctx, "b", at).Result()), true)
	same("EXPIRETIME", must(client.ExpireTime(ctx, "b").Result()), time.Duration(at.Unix())*time.Second)
	same("PEXPIRE", must(client.PExpire(ctx, "c", time.Millisecond).Result()), true)
	until("c expires", func() bool { return client.Get(ctx, "c").Err() == redis.Nil })
	same("TTL of none", must(client.TTL(ctx, "c").Result()), time.Duration(-2))
	same("RANDOMKEY", must(client.RandomKey(ctx).Result()), "b")
	same("UNLINK", must(client.Unlink(ctx, "b", "c").Result()), int64(1))
	same("DBSIZE", must(client.DBSize(ctx).Result()), int64(0))
}

func checkScan(client *redis.Client) {
	const many = 3000
	pipeline := client.Pipeline()
	for i := 0; i < many; i++ {
		pipeline.Set(ctx, fmt.Sprintf("scan:%d", i), i, 0)
		pipeline.HSet(ctx, "hash", i, i)
		pipeline.SAdd(ctx, "set", i)
		pipeline.ZAdd(ctx, "zset", redis.Z{Score: float64(i), Member: i})
	}
	must(pipeline.Exec(ctx))
	collect := func(iterator *redis.ScanIterator, width int) int {
		seen := map[string]bool{}
		for place := 0; iterator.Next(ctx); place++ {
			if place%width == 0 {
				seen[iterator.Val()] = true
			}
		}
		if err := iterator.Err(); err != nil {
			fail("scan: %v", err)
		}
		return len(seen)
	}
	same("SCAN", collect(client.Scan(ctx, 0, "scan:*", 100).Iterator(), 1), many)
	same("SCAN TYPE", collect(client.ScanType(ctx, 0, "*", 1000, "hash").Iterator(), 1), 1)
	same("HSCAN", collect(client.HScan(ctx, "hash", 0, "", 100).Iterator(), 2), many)
	same("SSCAN", collect(client.SScan(ctx, "set", 0, "1*", 100).Iterator(), 1), 1111)
	same("ZSCAN", collect(client.ZScan(ctx, "zset", 0, "", 100).Iterator(), 2), many)
}

func checkDatabases(client *redis.Client) {
	ninth := another(client, func(changed *redis.Options) { changed.DB = 9 })
	defer ninth.Close()
	must(ninth.Set(ctx, "k", "ninth", 0).Result())
	same("GET in the other", client.Get(ctx, "k").Err(), redis.Nil)
	same("MOVE", must(ninth.Move(ctx, "k", 0).Result()), true)
	same("GET", must(client.Get(ctx, "k").Result()), "ninth")
	same("SWAPDB", must(client.Do(ctx, "SWAPDB", 0, 9).Result()), "OK")
	same("GET of the swapped", must(ninth.Get(ctx, "k").Result()), "ninth")
	same("FLUSHDB", must(ninth.FlushDB(ctx).Result()), "OK")
	connection := client.Conn()
	defer connection.Close()
	refused("SELECT of one too many", connection.Select(ctx, 16).Err(), "ERR DB index is out of range")
}

func checkServer(client *redis.Client) {
	same("PING", must(client.Ping(ctx).Result()), "PONG")
	same("ECHO", must(client.Echo(ctx, "hello").Result()), "hello")
	if away := time.Since(must(client.Time(ctx).Result())); away > time.Minute || away < -time.Minute {
		fail("TIME: %v away", away)
	}
	commands := must(client.Command(ctx).Result())
	if get := commands["get"]; get == nil || !get.ReadOnly || get.Arity != 2 || len(commands) < 200 {
		fail("COMMAND: %d, with GET as %+v", len(commands), get)
	}
	same("COMMAND GETKEYS", must(client.CommandGetKeys(ctx, "MSET", "a", 1, "b", 2).Result()), []string{"a", "b"})
	same("CONFIG GET", must(client.ConfigGet(ctx, "databases").Result()), map[string]string{"databases": "16"})
	same("CONFIG SET", must(client.ConfigSet(ctx, "slowlog-log-slower-than", "20000").Result()), "OK")
	same("WAIT", must(client.Wait(ctx, 0, time.Second).Result()), int64(0))
	same("INFO", must(client.InfoMap(ctx, "server").Result())["Server"]["redis_mode"], "standalone")

	connection := client.Conn()
	defer connection.Close()
	same("CLIENT SETNAME", must(connection.ClientSetName(ctx, "gopher").Result()), true)
	same("CLIENT GETNAME", must(connection.ClientGetName(ctx).Result()), "gopher")
	identity := must(connection.ClientID(ctx).Result())
	info := must(connection.ClientInfo(ctx).Result())
	same("CLIENT INFO", []any{info.ID, info.Name, info.Resp}, []any{identity, "gopher", client.Options().Protocol})
	hello := must(connection.Hello(ctx, client.Options().Protocol, "", "", "").Result())
	same("HELLO", []any{hello["proto"], hello["id"], hello["mode"]},
		[]any{int64(client.Options().Protocol), identity, "standalone"})
}

func checkErrors(client *redis.Client) {
	must(client.Set(ctx, "s", "text", 0).Result())
	refused("LPUSH to a string", client.LPush(ctx, "s", 1).Err(), "WRONGTYPE Operation against a key")
	refused("INCR of a text", client.Incr(ctx, "s").Err(), "ERR value is not an integer or out of range")
	refused("an unknown command", client.Do(ctx, "NOSUCH", "a").Err(), "ERR unknown command 'NOSUCH'")
	refused("too few arguments", client.Do(ctx, "GET").Err(), "ERR wrong number of arguments for 'get' command")
	refused("SETEX 0", client.Do(ctx, "SETEX", "s", 0, "v").Err(), "ERR invalid expire time in 'setex' command")
	refused("LSET of none", client.LSet(ctx, "none", 0, "v").Err(), "ERR no such key")
	refused("AUTH without a password", client.Do(ctx, "AUTH", "secret").Err(), "ERR AUTH <password> called without")
	_, err := client.Get(ctx, "s").Int()
	if _, reply := err.(redis.Error); err == nil || reply {
		fail("a text as a number is the client's own error, not %v", err)
	}
	same("GET", must(client.Get(ctx, "s").Result()), "text")
}

func checkPipelines(client *redis.Client) {
	const many = 10000
	pipeline := client.Pipeline()
	for i := 0; i < many; i++ {
		pipeline.Incr(ctx, "n")
	}
	for i, command := range must(pipeline.Exec(ctx)) {
		same("INCR in a pipeline", command.(*redis.IntCmd).Val(), int64(i+1))
	}
	// Errors are each command's own, and the first is the pipeline's.
	var before, bad, none, after redis.Cmder
	_, err := client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		before = pipe.Set(ctx, "s", "a", 0)
		bad = pipe.LPush(ctx, "s", 1)
		none = pipe.Get(ctx, "none")
		after = pipe.Append(ctx, "s", "b")
		return nil
	})
	refused("a pipeline", err, "WRONGTYPE")
	refused("LPUSH in a pipeline", bad.Err(), "WRONGTYPE")
	same("the others", []error{before.Err(), none.Err(), after.Err()}, []error{nil, redis.Nil, nil})
	same("GET", must(client.Get(ctx, "s").Result()), "ab")
}

func checkTransactions(client *redis.Client) {
	commands, err := client.TxPipelined(ctx, func(pipe redis.Pipeliner) error {
		pipe.Set(ctx, "s", "v", 0)
		pipe.Get(ctx, "s")
		pipe.HSet(ctx, "h", "f", 1)
		pipe.HGetAll(ctx, "h")
		pipe.ZAdd(ctx, "z", redis.Z{Score: 1.5, Member: "m"})
		pipe.ZRangeWithScores(ctx, "z", 0, -1)
		pipe.BLPop(ctx, time.Second, "none")
		return nil
	})
	same("EXEC, with the first that is not all right", err, redis.Nil)
	same("GET", commands[1].(*redis.StringCmd).Val(), "v")
	same("HGETALL", commands[3].(*redis.MapStringStringCmd).Val(), map[string]string{"f": "1"})
	same("ZRANGE", commands[5].(*redis.ZSliceCmd).Val(), []redis.Z{{Score: 1.5, Member: "m"}})
	same("BLPOP does not wait", commands[6].Err(), redis.Nil)

	// One that fails when it is carried out does not keep the others from it.
	commands, err = client.TxPipelined(ctx, func(pipe redis.Pipeliner) error {
		pipe.LPush(ctx, "s", 1)
		pipe.Incr(ctx, "n")
		return nil
	})
	refused("EXEC", err, "WRONGTYPE")
	same("INCR", commands[1].(*redis.IntCmd).Val(), int64(1))
	// One that cannot be queued does.
	_, err = client.TxPipelined(ctx, func(pipe redis.Pipeliner) error {
		pipe.Do(ctx, "GET")
		pipe.Incr(ctx, "n")
		return nil
	})
	refused("EXEC with a command that was refused", err, "EXECABORT")
	same("GET", must(client.Get(ctx, "n").Result()), "1")
}

func checkScripts(client *redis.Client) {
	script := redis.NewScript(`
		local sum = redis.call('INCRBY', KEYS[1], ARGV[1])
		return {sum, ARGV[2], false, {1.9, 'x'}, redis.status_reply('FINE')}`)
	must(client.ScriptFlush(ctx).Result())
	same("SCRIPT EXISTS", must(script.Exists(ctx, client).Result()), []bool{false})
	refused("EVALSHA", script.EvalSha(ctx, client, []string{"n"}, 1, "a").Err(), "NOSCRIPT")
	for i := int64(1); i <= 3; i++ {
		same("Run", must(script.Run(ctx, client, []string{"n"}, 1, "a\r\n\x00").Slice()),
			[]any{i, "a\r\n\x00", nil, []any{int64(1), "x"}, "FINE"})
		same("SCRIPT EXISTS", must(script.Exists(ctx, client).Result()), []bool{true})
	}
	failing := redis.NewScript(`redis.call('SET', KEYS[1], 'set'); return redis.error_reply('MINE is wrong')`)
	refused("a script's own error", failing.Run(ctx, client, []string{"s"}).Err(), "MINE is wrong")
	same("what it did before", must(client.Get(ctx, "s").Result()), "set")
	refused("a script that does not compile", client.Eval(ctx, "return (", nil).Err(), "ERR Error compiling script")
	refused("a failing call", client.Eval(ctx, "return redis.call('LPUSH', KEYS[1], 1)", []string{"s"}).Err(), "WRONGTYPE")
	reading := redis.NewScript(`return redis.call('GET', KEYS[1])`)
	same("RunRO", must(reading.RunRO(ctx, client, []string{"s"}).Text()), "set")
	refused("a write in EVAL_RO", client.EvalRO(ctx, "return redis.call('DEL', KEYS[1])", []string{"s"}).Err(),
		"ERR Write commands are not allowed from read-only scripts")
	// Chance and the clock differ from call to call, but what they gave is what is kept.
	kept := must(client.Eval(ctx, `
		local now = redis.call('TIME')
		local text = now[1] .. '.' .. now[2] .. '.' .. math.random()
		redis.call('SET', KEYS[1], text)
		return text`, []string{"kept"}).Text())
	same("what a script kept", must(client.Get(ctx, "kept").Result()), kept)
	typed := must(client.Eval(ctx, "redis.setresp(3); return redis.call('HGETALL', KEYS[1])", []string{"none"}).Result())
	if client.Options().Protocol == 2 {
		same("an empty map", typed, []any{})
	} else {
		same("an empty map", typed, map[any]any{})
	}
}

func checkFunctions(client *redis.Client) {
	library := `#!lua name=counters
		redis.register_function('count', function(keys, args) return redis.call('INCRBY', keys[1], args[1]) end)
		redis.register_function{function_name='look', flags={'no-writes'},
			callback=function(keys) return redis.call('GET', keys[1]) end}`
	same("FUNCTION LOAD", must(client.FunctionLoad(ctx, library).Result()), "counters")
	refused("FUNCTION LOAD again", client.FunctionLoad(ctx, library).Err(), "ERR Library 'counters' already exists")
	same("FCALL", must(client.FCall(ctx, "count", []string{"n"}, 5).Int()), 5)
	same("FCALL_RO", must(client.FCallRO(ctx, "look", []string{"n"}).Text()), "5")
	refused("FCALL_RO of one that writes", client.FCallRO(ctx, "count", []string{"n"}, 1).Err(), "ERR Can not execute a")
	listed := must(client.FunctionList(ctx, redis.FunctionListQuery{}).Result())
	same("FUNCTION LIST", []any{len(listed), listed[0].Name, len(listed[0].Functions)}, []any{1, "counters", 2})
	dump := must(client.FunctionDump(ctx).Result())
	same("FUNCTION DELETE", must(client.FunctionDelete(ctx, "counters").Result()), "OK")
	refused("FCALL of none", client.FCall(ctx, "count", []string{"n"}, 5).Err(), "ERR Function not found")
	same("FUNCTION RESTORE", must(client.FunctionRestore(ctx, dump).Result()), "OK")
	same("FCALL", must(client.FCall(ctx, "count", []string{"n"}, 5).Int()), 10)
	same("FUNCTION FLUSH", must(client.FunctionFlush(ctx).Result()), "OK")
}

// checkKilled: a pool whose connections are closed under it makes new ones, and nothing is done twice.
func checkKilled(client *redis.Client) {
	killer := another(client, func(*redis.Options) {})
	defer killer.Close()
	for round := 1; round <= 5; round++ {
		same("INCR", must(client.Incr(ctx, "n").Result()), int64(round))
		if killed := must(killer.ClientKillByFilter(ctx, "TYPE", "normal", "SKIPME", "yes").Result()); killed < 1 {
			fail("CLIENT KILL closed %d", killed)
		}
	}
	same("GET", must(client.Get(ctx, "n").Result()), strconv.Itoa(5))
}
