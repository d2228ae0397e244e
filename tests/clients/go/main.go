// Checks go-redis against the server at REDIS_HOST and REDIS_PORT, with RESP2 and with RESP3; with the argument
// "cluster" its client of a cluster, with "users" both over TLS and signed in. Ends with status 1 and the reason when something is not as Redis would have it.
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"reflect"
	"runtime"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

var ctx = context.Background()

// At most this long for anything that is about to happen.
const patience = 30 * time.Second

func main() {
	checks := []struct {
		name string
		run  func(*redis.Client)
	}{
		{"strings", checkStrings}, {"hashes", checkHashes}, {"lists", checkLists}, {"sets", checkSets},
		{"sorted sets", checkSortedSets}, {"streams", checkStreams}, {"others", checkOtherTypes},
		{"binary", checkBinary}, {"keys", checkKeys}, {"scan", checkScan}, {"databases", checkDatabases}, {"server", checkServer},
		{"errors", checkErrors}, {"pipelines", checkPipelines}, {"transactions", checkTransactions},
		{"watch", checkWatch}, {"scripts", checkScripts}, {"functions", checkFunctions}, {"pub/sub", checkPubSub},
		{"notifications", checkNotifications}, {"blocking", checkBlocking}, {"contexts", checkContexts},
		{"pool", checkPool}, {"killed", checkKilled},
	}
	for _, protocol := range []int{2, 3} {
		if len(os.Args) > 1 {
			map[string]func(int){"cluster": checkCluster, "users": checkUsers}[os.Args[1]](protocol)
			continue
		}
		client := redis.NewClient(options(protocol))
		for _, check := range checks {
			begin := time.Now()
			must(client.FlushAll(ctx).Result())
			check.run(client)
			fmt.Printf("RESP%d %s: %.2f s\n", protocol, check.name, time.Since(begin).Seconds())
		}
		if err := client.Close(); err != nil {
			fail("Close: %v", err)
		}
	}
}

func options(protocol int) *redis.Options {
	return &redis.Options{
		Addr:        net.JoinHostPort(os.Getenv("REDIS_HOST"), os.Getenv("REDIS_PORT")),
		Protocol:    protocol,
		ReadTimeout: patience,
	}
}

// another returns a client of its own with the same options, changed.
func another(client *redis.Client, change func(*redis.Options)) *redis.Client {
	changed := options(client.Options().Protocol)
	change(changed)
	return redis.NewClient(changed)
}

func fail(format string, arguments ...any) {
	var places []string
	for skip := 1; skip < 6; skip++ {
		if _, file, line, ok := runtime.Caller(skip); ok && strings.Contains(file, "clients") {
			places = append(places, fmt.Sprintf("%s:%d", file[strings.LastIndex(file, "/")+1:], line))
		}
	}
	fmt.Printf("FAILED at %s: %s\n", strings.Join(places, " < "), fmt.Sprintf(format, arguments...))
	os.Exit(1)
}

func must[T any](value T, err error) T {
	if err != nil {
		fail("error: %v", err)
	}
	return value
}

func same(what string, got, want any) {
	if !reflect.DeepEqual(got, want) {
		fail("%s: got %#v, want %#v", what, got, want)
	}
}

// refused checks for an error reply that begins so.
func refused(what string, err error, prefix string) {
	if _, ok := err.(redis.Error); !ok || !strings.HasPrefix(err.Error(), prefix) {
		fail("%s: got the error %v (%T), want %q", what, err, err, prefix)
	}
}

// within waits for what a goroutine sends.
func within[T any](what string, channel <-chan T) T {
	select {
	case value := <-channel:
		return value
	case <-time.After(patience):
		fail("not within %v: %s", patience, what)
		panic("not reached")
	}
}

// until polls.
func until(what string, condition func() bool) {
	for deadline := time.Now().Add(patience); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			fail("not within %v: %s", patience, what)
		}
	}
}

// blockedClients tells how many clients wait in blocking commands.
func blockedClients(client *redis.Client) string {
	return must(client.InfoMap(ctx, "clients").Result())["Clients"]["blocked_clients"]
}
