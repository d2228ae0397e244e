package main

import (
	"bytes"
	"math"
	"math/rand"
	"sort"
	"time"

	"github.com/redis/go-redis/v9"
)

func checkStrings(client *redis.Client) {
	same("SET", must(client.Set(ctx, "s", "one", 0).Result()), "OK")
	same("GET", must(client.Get(ctx, "s").Result()), "one")
	same("SETNX", must(client.SetNX(ctx, "s", "two", 0).Result()), false)
	same("SET XX", must(client.SetXX(ctx, "s", "two", time.Minute).Result()), true)
	same("SET GET", must(client.SetArgs(ctx, "s", "three", redis.SetArgs{Get: true, KeepTTL: true}).Result()), "two")
	if left := must(client.PTTL(ctx, "s").Result()); left <= 0 || left > time.Minute {
		fail("PTTL: %v", left)
	}
	same("GETEX", must(client.GetEx(ctx, "s", 0).Result()), "three")
	same("TTL", must(client.TTL(ctx, "s").Result()), time.Duration(-1))
	same("GETDEL", must(client.GetDel(ctx, "s").Result()), "three")
	same("GET of none", client.Get(ctx, "s").Err(), redis.Nil)
	same("INCR", must(client.Incr(ctx, "n").Result()), int64(1))
	same("INCRBY", must(client.IncrBy(ctx, "n", math.MaxInt64-1).Result()), int64(math.MaxInt64))
	same("DECRBY", must(client.DecrBy(ctx, "n", math.MaxInt64).Result()), int64(0))
	same("INCRBYFLOAT", must(client.IncrByFloat(ctx, "n", 10.5).Result()), 10.5)
	same("APPEND", must(client.Append(ctx, "n", "00").Result()), int64(6))
	same("GETRANGE", must(client.GetRange(ctx, "n", 0, -3).Result()), "10.5")
	same("SETRANGE", must(client.SetRange(ctx, "n", 8, "x").Result()), int64(9))
	same("STRLEN", must(client.StrLen(ctx, "n").Result()), int64(9))
	same("MSET", must(client.MSet(ctx, "m1", "a", "m2", 2).Result()), "OK")
	same("MSETNX", must(client.MSetNX(ctx, "m2", "b", "m3", "c").Result()), false)
	same("MGET", must(client.MGet(ctx, "m1", "m2", "m3").Result()), []any{"a", "2", nil})
	same("LCS", must(client.LCS(ctx, &redis.LCSQuery{Key1: "m1", Key2: "n"}).Result()).MatchString, "")
}

func checkHashes(client *redis.Client) {
	same("HSET", must(client.HSet(ctx, "h", "a", 1, "b", "two", "c", 3.5).Result()), int64(3))
	same("HGETALL", must(client.HGetAll(ctx, "h").Result()), map[string]string{"a": "1", "b": "two", "c": "3.5"})
	same("HGETALL of none", must(client.HGetAll(ctx, "none").Result()), map[string]string{})
	same("HGET of none", client.HGet(ctx, "h", "x").Err(), redis.Nil)
	same("HMGET", must(client.HMGet(ctx, "h", "a", "x").Result()), []any{"1", nil})
	same("HINCRBY", must(client.HIncrBy(ctx, "h", "a", -5).Result()), int64(-4))
	same("HINCRBYFLOAT", must(client.HIncrByFloat(ctx, "h", "c", 0.25).Result()), 3.75)
	same("HSETNX", must(client.HSetNX(ctx, "h", "a", 1).Result()), false)
	same("HEXISTS", must(client.HExists(ctx, "h", "b").Result()), true)
	same("HDEL", must(client.HDel(ctx, "h", "b", "x").Result()), int64(1))
	fields := must(client.HKeys(ctx, "h").Result())
	sort.Strings(fields)
	same("HKEYS", fields, []string{"a", "c"})
	same("HLEN", must(client.HLen(ctx, "h").Result()), int64(2))
	same("HRANDFIELD WITHVALUES", len(must(client.HRandFieldWithValues(ctx, "h", 5).Result())), 2)
	var into struct {
		A int     `redis:"a"`
		C float64 `redis:"c"`
	}
	if err := client.HGetAll(ctx, "h").Scan(&into); err != nil || into.A != -4 || into.C != 3.75 {
		fail("Scan into a struct: %v %v", into, err)
	}
	// What a reply is made of differs between the protocols.
	var raw any = map[any]any{"a": "-4", "c": "3.75"}
	if client.Options().Protocol == 2 {
		raw = []any{"a", "-4", "c", "3.75"}
	}
	same("HGETALL, raw", must(client.Do(ctx, "HGETALL", "h").Result()), raw)
}

func checkLists(client *redis.Client) {
	same("RPUSH", must(client.RPush(ctx, "l", "a", "b", "c").Result()), int64(3))
	same("LPUSH", must(client.LPush(ctx, "l", "z").Result()), int64(4))
	same("LPUSHX of none", must(client.LPushX(ctx, "none", "z").Result()), int64(0))
	same("LINSERT", must(client.LInsertAfter(ctx, "l", "a", "a2").Result()), int64(5))
	same("LRANGE", must(client.LRange(ctx, "l", 0, -1).Result()), []string{"z", "a", "a2", "b", "c"})
	same("LINDEX", must(client.LIndex(ctx, "l", -1).Result()), "c")
	same("LPOS", must(client.LPos(ctx, "l", "b", redis.LPosArgs{}).Result()), int64(3))
	same("LSET", must(client.LSet(ctx, "l", 0, "a").Result()), "OK")
	same("LREM", must(client.LRem(ctx, "l", 0, "a").Result()), int64(2))
	same("LPOP", must(client.LPop(ctx, "l").Result()), "a2")
	same("RPOP with a count", must(client.RPopCount(ctx, "l", 5).Result()), []string{"c", "b"})
	same("LPOP of none", client.LPop(ctx, "l").Err(), redis.Nil)
	must(client.RPush(ctx, "l", 1, 2, 3, 4, 5).Result())
	same("LMOVE", must(client.LMove(ctx, "l", "m", "LEFT", "RIGHT").Result()), "1")
	same("LTRIM", must(client.LTrim(ctx, "l", 1, -1).Result()), "OK")
	key, values, err := client.LMPop(ctx, "RIGHT", 2, "none", "l").Result()
	same("LMPOP", []any{key, values, err}, []any{"l", []string{"5", "4"}, nil})
	same("LLEN", must(client.LLen(ctx, "l").Result()), int64(1))
	must(client.RPush(ctx, "sort", 3, 1, 2).Result())
	same("SORT", must(client.Sort(ctx, "sort", &redis.Sort{Order: "DESC"}).Result()), []string{"3", "2", "1"})
	same("SORT STORE", must(client.SortStore(ctx, "sort", "sorted", &redis.Sort{}).Result()), int64(3))
	same("sorted", must(client.LRange(ctx, "sorted", 0, -1).Result()), []string{"1", "2", "3"})
}

func checkSets(client *redis.Client) {
	same("SADD", must(client.SAdd(ctx, "a", 1, 2, 3, 3).Result()), int64(3))
	same("SADD", must(client.SAdd(ctx, "b", 2, 3, 4).Result()), int64(3))
	same("SMEMBERS", must(client.SMembersMap(ctx, "a").Result()), map[string]struct{}{"1": {}, "2": {}, "3": {}})
	same("SISMEMBER", must(client.SIsMember(ctx, "a", 4).Result()), false)
	same("SMISMEMBER", must(client.SMIsMember(ctx, "a", 1, 4).Result()), []bool{true, false})
	same("SDIFF", must(client.SDiff(ctx, "a", "b").Result()), []string{"1"})
	same("SINTERCARD", must(client.SInterCard(ctx, 0, "a", "b").Result()), int64(2))
	same("SUNIONSTORE", must(client.SUnionStore(ctx, "u", "a", "b").Result()), int64(4))
	same("SMOVE", must(client.SMove(ctx, "a", "b", 1).Result()), true)
	same("SREM", must(client.SRem(ctx, "b", 1, 9).Result()), int64(1))
	popped := must(client.SPopN(ctx, "u", 3).Result())
	same("SPOP", len(popped), 3)
	rest := must(client.SRandMemberN(ctx, "u", -2).Result())
	same("SRANDMEMBER", len(rest), 2)
	all := append(popped, rest[0])
	sort.Strings(all)
	same("SPOP and SRANDMEMBER", all, []string{"1", "2", "3", "4"})
}

func checkSortedSets(client *redis.Client) {
	same("ZADD", must(client.ZAdd(ctx, "z", redis.Z{Score: 1, Member: "a"}, redis.Z{Score: 2.5, Member: "b"},
		redis.Z{Score: math.Inf(1), Member: "c"}).Result()), int64(3))
	same("ZADD GT CH", must(client.ZAddArgs(ctx, "z", redis.ZAddArgs{GT: true, Ch: true,
		Members: []redis.Z{{Score: 0, Member: "a"}, {Score: 3, Member: "b"}}}).Result()), int64(1))
	same("ZRANGE WITHSCORES", must(client.ZRangeWithScores(ctx, "z", 0, -1).Result()),
		[]redis.Z{{Score: 1, Member: "a"}, {Score: 3, Member: "b"}, {Score: math.Inf(1), Member: "c"}})
	same("ZSCORE", must(client.ZScore(ctx, "z", "b").Result()), 3.0)
	same("ZSCORE of none", client.ZScore(ctx, "z", "x").Err(), redis.Nil)
	same("ZMSCORE", must(client.ZMScore(ctx, "z", "a", "b").Result()), []float64{1, 3})
	same("ZINCRBY", must(client.ZIncrBy(ctx, "z", -0.5, "b").Result()), 2.5)
	same("ZRANK", must(client.ZRank(ctx, "z", "b").Result()), int64(1))
	same("ZREVRANK of none", client.ZRevRank(ctx, "z", "x").Err(), redis.Nil)
	same("ZCOUNT", must(client.ZCount(ctx, "z", "(1", "+inf").Result()), int64(2))
	same("ZRANGE BYSCORE REV LIMIT", must(client.ZRangeArgs(ctx, redis.ZRangeArgs{Key: "z", Start: "1", Stop: "+inf",
		ByScore: true, Rev: true, Offset: 1, Count: 1}).Result()), []string{"b"})
	must(client.ZAdd(ctx, "y", redis.Z{Score: 10, Member: "a"}, redis.Z{Score: 20, Member: "q"}).Result())
	same("ZUNION", must(client.ZUnionWithScores(ctx, redis.ZStore{Keys: []string{"z", "y"}, Weights: []float64{1, 2},
		Aggregate: "MIN"}).Result()), []redis.Z{{Score: 1, Member: "a"}, {Score: 2.5, Member: "b"},
		{Score: 40, Member: "q"}, {Score: math.Inf(1), Member: "c"}})
	same("ZINTERSTORE", must(client.ZInterStore(ctx, "i", &redis.ZStore{Keys: []string{"z", "y"}}).Result()), int64(1))
	same("ZRANGESTORE", must(client.ZRangeStore(ctx, "r", redis.ZRangeArgs{Key: "z", Start: 0, Stop: 1}).Result()),
		int64(2))
	same("ZDIFF", must(client.ZDiff(ctx, "z", "y").Result()), []string{"b", "c"})
	same("ZPOPMIN", must(client.ZPopMin(ctx, "z").Result()), []redis.Z{{Score: 1, Member: "a"}})
	key, popped, err := client.ZMPop(ctx, "max", 5, "z").Result()
	same("ZMPOP", []any{key, popped, err}, []any{"z",
		[]redis.Z{{Score: math.Inf(1), Member: "c"}, {Score: 2.5, Member: "b"}}, nil})
	same("ZRANDMEMBER", len(must(client.ZRandMemberWithScores(ctx, "y", -3).Result())), 3)
	must(client.ZAdd(ctx, "lex", redis.Z{Member: "a"}, redis.Z{Member: "b"}, redis.Z{Member: "c"}).Result())
	same("ZLEXCOUNT", must(client.ZLexCount(ctx, "lex", "[a", "(c").Result()), int64(2))
	same("ZREMRANGEBYLEX", must(client.ZRemRangeByLex(ctx, "lex", "-", "[b").Result()), int64(2))
	same("ZCARD", must(client.ZCard(ctx, "lex").Result()), int64(1))
}

func checkStreams(client *redis.Client) {
	first := must(client.XAdd(ctx, &redis.XAddArgs{Stream: "x", ID: "5-*", Values: []any{"n", 1}}).Result())
	same("XADD", first, "5-0")
	second := must(client.XAdd(ctx, &redis.XAddArgs{Stream: "x", Values: map[string]any{"n": 2}}).Result())
	refused("XADD of a smaller ID", client.XAdd(ctx, &redis.XAddArgs{Stream: "x", ID: "5-0", Values: []any{"n", 1}}).Err(),
		"ERR The ID specified in XADD is equal or smaller")
	same("XADD NOMKSTREAM", client.XAdd(ctx, &redis.XAddArgs{Stream: "none", NoMkStream: true,
		Values: []any{"n", 1}}).Err(), redis.Nil)
	entries := []redis.XMessage{{ID: first, Values: map[string]any{"n": "1"}},
		{ID: second, Values: map[string]any{"n": "2"}}}
	same("XRANGE", must(client.XRange(ctx, "x", "-", "+").Result()), entries)
	same("XREAD", must(client.XRead(ctx, &redis.XReadArgs{Streams: []string{"x", first}, Block: -1}).Result()),
		[]redis.XStream{{Stream: "x", Messages: entries[1:]}})

	same("XGROUP CREATE", must(client.XGroupCreateMkStream(ctx, "x", "g", "0").Result()), "OK")
	refused("XGROUP CREATE again", client.XGroupCreate(ctx, "x", "g", "0").Err(), "BUSYGROUP")
	refused("XREADGROUP of none", client.XReadGroup(ctx, &redis.XReadGroupArgs{Group: "none", Consumer: "alice",
		Streams: []string{"x", ">"}, Block: -1}).Err(), "NOGROUP")
	read := func(consumer, from string, block time.Duration) ([]redis.XStream, error) {
		return client.XReadGroup(ctx, &redis.XReadGroupArgs{Group: "g", Consumer: consumer, Count: 10,
			Streams: []string{"x", from}, Block: block}).Result()
	}
	same("XREADGROUP", must(read("alice", ">", -1)), []redis.XStream{{Stream: "x", Messages: entries}})
	_, err := read("bob", ">", -1)
	same("XREADGROUP, nothing", err, redis.Nil)
	_, err = read("bob", ">", 20*time.Millisecond)
	same("XREADGROUP BLOCK, nothing", err, redis.Nil)
	got := make(chan []redis.XStream)
	go func() { got <- must(read("bob", ">", patience)) }()
	until("bob waits", func() bool { return blockedClients(client) == "1" })
	third := must(client.XAdd(ctx, &redis.XAddArgs{Stream: "x", Values: []any{"n", 3}}).Result())
	same("XREADGROUP BLOCK", within("bob's entry", got), []redis.XStream{{Stream: "x",
		Messages: []redis.XMessage{{ID: third, Values: map[string]any{"n": "3"}}}}})
	same("XACK", must(client.XAck(ctx, "x", "g", first, "1-1").Result()), int64(1))
	same("XPENDING", must(client.XPending(ctx, "x", "g").Result()), &redis.XPending{Count: 2, Lower: second,
		Higher: third, Consumers: map[string]int64{"alice": 1, "bob": 1}})
	pending := must(client.XPendingExt(ctx, &redis.XPendingExtArgs{Stream: "x", Group: "g", Start: "-", End: "+",
		Count: 10, Consumer: "alice"}).Result())
	if len(pending) != 1 || pending[0].ID != second || pending[0].RetryCount != 1 {
		fail("XPENDING of alice: %+v", pending)
	}
	same("XCLAIM", must(client.XClaim(ctx, &redis.XClaimArgs{Stream: "x", Group: "g", Consumer: "carol",
		Messages: []string{second}}).Result()), entries[1:])
	claimed, next, err := client.XAutoClaim(ctx, &redis.XAutoClaimArgs{Stream: "x", Group: "g", Consumer: "dan",
		Start: "0"}).Result()
	if err != nil || next != "0-0" || len(claimed) != 2 {
		fail("XAUTOCLAIM: %v %v %v", claimed, next, err)
	}
	same("XINFO CONSUMERS", len(must(client.XInfoConsumers(ctx, "x", "g").Result())), 4)
	group := must(client.XInfoGroups(ctx, "x").Result())[0]
	same("XINFO GROUPS", []any{group.Name, group.Pending, group.LastDeliveredID, group.EntriesRead, group.Lag},
		[]any{"g", int64(2), third, int64(3), int64(0)})
	same("XINFO STREAM FULL", must(client.XInfoStreamFull(ctx, "x", 10).Result()).Groups[0].PelCount, int64(2))
	same("XGROUP DELCONSUMER", must(client.XGroupDelConsumer(ctx, "x", "g", "dan").Result()), int64(2))
	same("XDEL", must(client.XDel(ctx, "x", first).Result()), int64(1))
	same("XTRIM", must(client.XTrimMaxLen(ctx, "x", 1).Result()), int64(1))
	same("XLEN", must(client.XLen(ctx, "x").Result()), int64(1))
	same("XGROUP DESTROY", must(client.XGroupDestroy(ctx, "x", "g").Result()), int64(1))
}

func checkOtherTypes(client *redis.Client) {
	same("SETBIT", must(client.SetBit(ctx, "bits", 9, 1).Result()), int64(0))
	same("GETBIT", must(client.GetBit(ctx, "bits", 9).Result()), int64(1))
	same("BITCOUNT", must(client.BitCount(ctx, "bits", nil).Result()), int64(1))
	same("BITPOS", must(client.BitPos(ctx, "bits", 1).Result()), int64(9))
	same("BITFIELD", must(client.BitField(ctx, "field", "SET", "u8", 0, 200, "OVERFLOW", "SAT", "INCRBY", "u8", 0,
		100).Result()), []int64{0, 255})
	same("PFADD", must(client.PFAdd(ctx, "hll", 1, 2, 3).Result()), int64(1))
	same("PFCOUNT", must(client.PFCount(ctx, "hll").Result()), int64(3))
	same("GEOADD", must(client.GeoAdd(ctx, "geo", &redis.GeoLocation{Name: "Palermo", Longitude: 13.361389,
		Latitude: 38.115556}, &redis.GeoLocation{Name: "Catania", Longitude: 15.087269, Latitude: 37.502669}).Result()),
		int64(2))
	same("GEODIST", must(client.GeoDist(ctx, "geo", "Palermo", "Catania", "m").Result()), 166274.1516)
	near := must(client.GeoSearchLocation(ctx, "geo", &redis.GeoSearchLocationQuery{GeoSearchQuery: redis.GeoSearchQuery{
		Longitude: 15, Latitude: 37, Radius: 200, RadiusUnit: "km", Sort: "ASC"}, WithCoord: true,
		WithDist: true}).Result())
	same("GEOSEARCH", []any{len(near), near[0].Name, near[0].Dist}, []any{2, "Catania", 56.4413})
	if place := must(client.GeoPos(ctx, "geo", "Palermo", "none").Result()); place[0] == nil || place[1] != nil {
		fail("GEOPOS: %v", place)
	}
}

func checkBinary(client *redis.Client) {
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	large := make([]byte, 3<<20)
	rand.New(rand.NewSource(1)).Read(large)
	for _, value := range [][]byte{{}, {0}, []byte("\r\n$-1\r\n*0\r\n"), every, large} {
		key := string(every[:128]) + "\r\n"
		must(client.Set(ctx, key, value, 0).Result())
		if !bytes.Equal(must(client.Get(ctx, key).Bytes()), value) {
			fail("a value of %d bytes came back as another", len(value))
		}
		same("KEYS", must(client.Keys(ctx, "*").Result()), []string{key})
		must(client.HSet(ctx, "h", key, value).Result())
		same("HGETALL", must(client.HGetAll(ctx, "h").Result()), map[string]string{key: string(value)})
		must(client.Del(ctx, "h").Result())
		dump := must(client.Dump(ctx, key).Result())
		same("RESTORE", must(client.RestoreReplace(ctx, key, time.Minute, dump).Result()), "OK")
		same("GET", must(client.Get(ctx, key).Result()), string(value))
	}
}
