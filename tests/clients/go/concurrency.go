package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// checkWatch: optimistic locking; each conflict is seen, so that the sum is exact.
func checkWatch(client *redis.Client) {
	const workers, rounds = 8, 25
	var all sync.WaitGroup
	for worker := 0; worker < workers; worker++ {
		all.Add(1)
		go func() {
			defer all.Done()
			for done := 0; done < rounds; {
				err := client.Watch(ctx, func(tx *redis.Tx) error {
					n, err := tx.Get(ctx, "n").Int()
					if err != nil && err != redis.Nil {
						return err
					}
					_, err = tx.TxPipelined(ctx, func(pipe redis.Pipeliner) error {
						pipe.Set(ctx, "n", n+1, 0)
						pipe.RPush(ctx, "history", n+1)
						return nil
					})
					return err
				}, "n")
				if err == nil {
					done++
				} else if err != redis.TxFailedErr {
					fail("Watch: %v", err)
				}
			}
		}()
	}
	all.Wait()
	same("the sum", must(client.Get(ctx, "n").Int()), workers*rounds)
	for i, n := range must(client.LRange(ctx, "history", 0, -1).Result()) {
		same("the history", n, strconv.Itoa(i+1))
	}

	watchAnd := func(between func(tx *redis.Tx)) error {
		return client.Watch(ctx, func(tx *redis.Tx) error {
			between(tx)
			_, err := tx.TxPipelined(ctx, func(pipe redis.Pipeliner) error {
				pipe.Incr(ctx, "n")
				return nil
			})
			return err
		}, "n", "other")
	}
	same("nothing happened", watchAnd(func(*redis.Tx) {}), nil)
	same("another client wrote", watchAnd(func(*redis.Tx) { client.Set(ctx, "other", 1, 0) }), redis.TxFailedErr)
	same("so did this one", watchAnd(func(tx *redis.Tx) { tx.Set(ctx, "other", 2, 0) }), redis.TxFailedErr)
	same("unwatched", watchAnd(func(tx *redis.Tx) {
		client.Set(ctx, "other", 3, 0)
		must(tx.Unwatch(ctx).Result())
	}), nil)
}

func checkPubSub(client *redis.Client) {
	subscriber := client.Subscribe(ctx, "news", "other")
	defer subscriber.Close()
	for i, channel := range []string{"news", "other"} {
		same("a subscription", must(subscriber.ReceiveTimeout(ctx, patience)),
			&redis.Subscription{Kind: "subscribe", Channel: channel, Count: i + 1})
	}
	patterns := client.PSubscribe(ctx, "n?ws", "[x-z]*")
	defer patterns.Close()
	for i, pattern := range []string{"n?ws", "[x-z]*"} {
		same("a subscription", must(patterns.ReceiveTimeout(ctx, patience)),
			&redis.Subscription{Kind: "psubscribe", Channel: pattern, Count: i + 1})
	}
	shards := client.SSubscribe(ctx, "shard")
	defer shards.Close()
	same("a subscription", must(shards.ReceiveTimeout(ctx, patience)),
		&redis.Subscription{Kind: "ssubscribe", Channel: "shard", Count: 1})

	same("PUBSUB NUMSUB", must(client.PubSubNumSub(ctx, "news", "none").Result()), map[string]int64{"news": 1, "none": 0})
	same("PUBSUB CHANNELS", must(client.PubSubChannels(ctx, "n*").Result()), []string{"news"})
	same("PUBSUB NUMPAT", must(client.PubSubNumPat(ctx).Result()), int64(2))
	same("PUBSUB SHARDCHANNELS", must(client.PubSubShardChannels(ctx, "*").Result()), []string{"shard"})

	if err := subscriber.Ping(ctx, "still?"); err != nil {
		fail("PING: %v", err)
	}
	same("PING of a subscriber", must(subscriber.ReceiveTimeout(ctx, patience)), &redis.Pong{Payload: "still?"})

	const many = 500
	news := subscriber.Channel(redis.WithChannelSize(many))
	matches := patterns.Channel(redis.WithChannelSize(many))
	for i := 0; i < many; i++ {
		same("PUBLISH", must(client.Publish(ctx, "news", fmt.Sprint("message\r\n", i)).Result()), int64(2))
	}
	for i := 0; i < many; i++ {
		text := fmt.Sprint("message\r\n", i)
		same("a message", within("a message", news), &redis.Message{Channel: "news", Payload: text})
		same("a match", within("a match", matches), &redis.Message{Channel: "news", Pattern: "n?ws", Payload: text})
	}
	same("SPUBLISH", must(client.SPublish(ctx, "shard", "one").Result()), int64(1))
	same("a message of a shard", within("it", shards.Channel()), &redis.Message{Channel: "shard", Payload: "one"})
	same("PUBLISH to nobody", must(client.Publish(ctx, "nobody", "one").Result()), int64(0))

	// In transactions and pipelines, too.
	must(client.TxPipelined(ctx, func(pipe redis.Pipeliner) error {
		pipe.Set(ctx, "s", 1, 0)
		pipe.Publish(ctx, "other", "in a transaction")
		return nil
	}))
	same("a message", within("it", news), &redis.Message{Channel: "other", Payload: "in a transaction"})

	if err := subscriber.Unsubscribe(ctx, "news"); err != nil {
		fail("UNSUBSCRIBE: %v", err)
	}
	until("nobody reads the news", func() bool {
		return client.PubSubNumSub(ctx, "news").Val()["news"] == 0
	})
	same("PUBLISH", must(client.Publish(ctx, "news", "the last").Result()), int64(1))
}

func checkNotifications(client *redis.Client) {
	must(client.ConfigSet(ctx, "notify-keyspace-events", "KEA").Result())
	defer func() { must(client.ConfigSet(ctx, "notify-keyspace-events", "").Result()) }()
	subscriber := client.PSubscribe(ctx, "__key*@0__:*")
	defer subscriber.Close()
	must(subscriber.ReceiveTimeout(ctx, patience))
	events := subscriber.Channel()
	expect := func(key, event string) {
		same("a notification", within("it", events), &redis.Message{Channel: "__keyspace@0__:" + key,
			Pattern: "__key*@0__:*", Payload: event})
		same("a notification", within("it", events), &redis.Message{Channel: "__keyevent@0__:" + event,
			Pattern: "__key*@0__:*", Payload: key})
	}
	must(client.Set(ctx, "k", "v", 0).Result())
	expect("k", "set")
	must(client.PExpire(ctx, "k", 500*time.Millisecond).Result())
	expect("k", "expire")
	expect("k", "expired")
	must(client.LPush(ctx, "l", "v").Result())
	expect("l", "lpush")
	must(client.LPop(ctx, "l").Result())
	expect("l", "lpop")
	expect("l", "del")
}

func checkBlocking(client *redis.Client) {
	begin := time.Now()
	same("BLPOP", client.BLPop(ctx, time.Second, "none", "nor").Err(), redis.Nil)
	if took := time.Since(begin); took < 900*time.Millisecond || took > 5*time.Second {
		fail("BLPOP of a second ended after %v", took)
	}
	must(client.RPush(ctx, "there", 1, 2).Result())
	same("BLPOP", must(client.BLPop(ctx, time.Second, "none", "there").Result()), []string{"there", "1"})
	same("BLMOVE", must(client.BLMove(ctx, "there", "to", "LEFT", "LEFT", time.Second).Result()), "2")

	// Those who wait are served in their order.
	const waiting = 5
	served := make([]chan []string, waiting)
	for i := range served {
		served[i] = make(chan []string, 1)
		go func(i int) { served[i] <- must(client.BLPop(ctx, patience, "q").Result()) }(i)
		until("it waits", func() bool { return blockedClients(client) == strconv.Itoa(i+1) })
	}
	for i := 0; i < waiting; i++ {
		must(client.RPush(ctx, "q", i).Result())
	}
	for i := range served {
		same("BLPOP", within("an element", served[i]), []string{"q", strconv.Itoa(i)})
	}
	same("LLEN", must(client.LLen(ctx, "q").Result()), int64(0))

	moved := make(chan string)
	go func() { moved <- must(client.BLMove(ctx, "from", "to", "RIGHT", "LEFT", patience).Result()) }()
	popped := make(chan *redis.ZWithKey)
	go func() { popped <- must(client.BZPopMin(ctx, patience, "z1", "z2").Result()) }()
	read := make(chan []redis.XStream)
	go func() {
		read <- must(client.XRead(ctx, &redis.XReadArgs{Streams: []string{"x", "$"}, Block: patience}).Result())
	}()
	multiple := make(chan []string)
	go func() {
		_, values, err := client.BLMPop(ctx, patience, "LEFT", 2, "m1", "m2").Result()
		multiple <- must(values, err)
	}()
	until("four wait", func() bool { return blockedClients(client) == "4" })
	must(client.TxPipelined(ctx, func(pipe redis.Pipeliner) error {
		pipe.RPush(ctx, "from", "a", "b")
		pipe.ZAdd(ctx, "z2", redis.Z{Score: 2.5, Member: "m"})
		pipe.XAdd(ctx, &redis.XAddArgs{Stream: "x", ID: "1-1", Values: []any{"f", "v"}})
		pipe.RPush(ctx, "m2", 1, 2, 3)
		return nil
	}))
	same("BLMOVE", within("it", moved), "b")
	same("BZPOPMIN", within("it", popped), &redis.ZWithKey{Z: redis.Z{Score: 2.5, Member: "m"}, Key: "z2"})
	same("XREAD BLOCK", within("it", read), []redis.XStream{{Stream: "x",
		Messages: []redis.XMessage{{ID: "1-1", Values: map[string]any{"f": "v"}}}}})
	same("BLMPOP", within("it", multiple), []string{"1", "2"})
}

// checkContexts: a client that gives up does not take away what comes later.
func checkContexts(client *redis.Client) {
	impatient := another(client, func(changed *redis.Options) {
		changed.ContextTimeoutEnabled = true
		changed.PoolSize = 1
		changed.MaxRetries = -1
	})
	defer impatient.Close()
	soon, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	if err := impatient.BLPop(soon, patience, "q").Err(); err == nil || err == redis.Nil {
		fail("BLPOP beyond the context's time: %v", err)
	}
	until("it is gone", func() bool { return blockedClients(client) == "0" })
	must(client.RPush(ctx, "q", "kept").Result())
	same("BLPOP", must(impatient.BLPop(ctx, patience, "q").Result()), []string{"q", "kept"})

	// The one connection is taken by a call that waits; the next waits for it and is cancelled.
	waits := make(chan []string)
	go func() { waits <- must(impatient.BLPop(ctx, patience, "q").Result()) }()
	until("it waits", func() bool { return blockedClients(client) == "1" })
	cancelled, cancel := context.WithCancel(ctx)
	second := make(chan error)
	go func() { second <- impatient.Set(cancelled, "s", 1, 0).Err() }()
	cancel()
	if err := within("the cancelled call", second); !errors.Is(err, context.Canceled) {
		fail("a cancelled call: %v", err)
	}
	must(client.RPush(ctx, "q", "waited").Result())
	same("BLPOP", within("the waiting call", waits), []string{"q", "waited"})
	same("what was cancelled", must(client.Exists(ctx, "s").Result()), int64(0))

	// A client that is closed while it waits.
	closed := another(client, func(changed *redis.Options) { changed.MaxRetries = -1 })
	ended := make(chan error)
	go func() { ended <- closed.BLPop(ctx, patience, "q").Err() }()
	until("it waits", func() bool { return blockedClients(client) == "1" })
	closed.Close()
	if err := within("the end of a closed client's call", ended); err == nil || err == redis.Nil {
		fail("BLPOP of a closed client: %v", err)
	}
	until("it is gone", func() bool { return blockedClients(client) == "0" })
	must(client.RPush(ctx, "q", "kept").Result())
	same("LLEN", must(client.LLen(ctx, "q").Result()), int64(1))
}

func checkPool(client *redis.Client) {
	const workers, rounds = 50, 100
	small := another(client, func(changed *redis.Options) { changed.PoolSize = 10 })
	defer small.Close()
	var all sync.WaitGroup
	for worker := 0; worker < workers; worker++ {
		all.Add(1)
		go func(worker int) {
			defer all.Done()
			own, last := fmt.Sprint("own:", worker), int64(0)
			for round := 1; round <= rounds; round++ {
				sum := must(small.Incr(ctx, "sum").Result())
				if sum <= last {
					fail("the sum went from %d to %d", last, sum)
				}
				last = sum
				must(small.Set(ctx, own, round, 0).Result())
				same("a worker's own", must(small.Get(ctx, own).Int()), round)
			}
		}(worker)
	}
	all.Wait()
	same("the sum", must(client.Get(ctx, "sum").Int()), workers*rounds)
}
