package main

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// checkCluster checks go-redis's cluster client.
func checkCluster(protocol int) {
	client := redis.NewClusterClient(&redis.ClusterOptions{
		Addrs: []string{options(protocol).Addr}, Protocol: protocol, ReadTimeout: patience,
	})
	defer client.Close()
	must(client.FlushAll(ctx).Result())
	slots := must(client.ClusterSlots(ctx).Result())
	same("slots", len(slots) == 1 && slots[0].Start == 0 && slots[0].End == 16383, true)
	shards := must(client.ClusterShards(ctx).Result())
	same("shards", len(shards) == 1 && len(shards[0].Nodes) == 1 && shards[0].Nodes[0].ID == slots[0].Nodes[0].ID, true)

	const many = 500
	pipeline := client.Pipeline()
	for i := 0; i < many; i++ {
		must(client.Set(ctx, fmt.Sprintf("key:%d", i), i, 0).Result())
		pipeline.Get(ctx, fmt.Sprintf("key:%d", i))
	}
	for i, reply := range must(pipeline.Exec(ctx)) {
		same("pipeline", reply.(*redis.StringCmd).Val(), fmt.Sprint(i))
	}
	found := 0
	err := client.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
		iterator := node.Scan(ctx, 0, "key:*", 100).Iterator()
		for iterator.Next(ctx) {
			found++
		}
		return iterator.Err()
	})
	same("SCAN", fmt.Sprint(found, err), fmt.Sprint(many, error(nil)))

	same("MSET", must(client.MSet(ctx, "{tag}a", 1, "{tag}b", 2).Result()), "OK")
	same("MGET", must(client.MGet(ctx, "{tag}a", "{tag}b").Result()), []any{"1", "2"})
	refused("MSET", client.MSet(ctx, "a", 1, "b", 2).Err(), "CROSSSLOT")
	same("refused before it was written", must(client.Exists(ctx, "a").Result()), int64(0))
	same("script", must(redis.NewScript("return redis.call('incr', KEYS[1])").Run(ctx, client, []string{"{tag}a"}).Result()),
		int64(2))
	_, err = client.TxPipelined(ctx, func(pipe redis.Pipeliner) error {
		pipe.Incr(ctx, "{tag}a")
		pipe.Incr(ctx, "{tag}b")
		return nil
	})
	same("transaction", err, nil)
	same("MGET", must(client.MGet(ctx, "{tag}a", "{tag}b").Result()), []any{"3", "3"})
	err = client.Watch(ctx, func(tx *redis.Tx) error {
		_, failed := tx.TxPipelined(ctx, func(pipe redis.Pipeliner) error {
			pipe.Set(ctx, "{tag}a", "watched", 0)
			return nil
		})
		return failed
	}, "{tag}a", "{tag}b")
	same("WATCH", err, nil)

	for _, channels := range []struct {
		subscription *redis.PubSub
		publish      func(text string) (int64, error)
	}{
		{client.Subscribe(ctx, "channel"), func(text string) (int64, error) {
			return client.Publish(ctx, "channel", text).Result()
		}},
		{client.SSubscribe(ctx, "sharded"), func(text string) (int64, error) {
			return client.SPublish(ctx, "sharded", text).Result()
		}},
	} {
		must(channels.subscription.Receive(ctx))
		same("receivers", must(channels.publish("hello")), int64(1))
		same("message", must(channels.subscription.ReceiveMessage(ctx)).Payload, "hello")
		channels.subscription.Close()
	}
	must(client.FlushAll(ctx).Result())
}
