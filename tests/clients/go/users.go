package main

import (
	"crypto/tls"
	"crypto/x509"
	"os"

	"github.com/redis/go-redis/v9"
)

// checkUsers checks clients that come over TLS and sign in as REDIS_USERNAME.
func checkUsers(protocol int) {
	authority := x509.NewCertPool()
	authority.AppendCertsFromPEM(must(os.ReadFile(os.Getenv("REDIS_SSL_CA"))))
	right := options(protocol)
	right.TLSConfig = &tls.Config{RootCAs: authority}
	right.Username, right.Password = os.Getenv("REDIS_USERNAME"), os.Getenv("REDIS_PASSWORD")
	connect := func(username, password string) []redis.UniversalClient {
		single := *right
		single.Username, single.Password = username, password
		return []redis.UniversalClient{redis.NewClient(&single), redis.NewClusterClient(&redis.ClusterOptions{
			Addrs: []string{single.Addr}, Protocol: protocol, TLSConfig: single.TLSConfig, ReadTimeout: patience,
			Username: username, Password: password,
		})}
	}
	for _, client := range connect(right.Username, right.Password) {
		must(client.Set(ctx, "k", "v", 0).Result())
		same("GET", must(client.Get(ctx, "k").Result()), "v")
		same("user", must(client.Do(ctx, "ACL", "WHOAMI").Text()), right.Username)
		refused("FLUSHALL", client.FlushAll(ctx).Err(), "NOPERM ")
		same("GET", must(client.Get(ctx, "k").Result()), "v")
		client.Close()
	}
	for _, stranger := range []struct{ username, password, refusal string }{
		{right.Username, "wrong", "WRONGPASS "}, {"nobody", right.Password, "WRONGPASS "}, {"", "", "NOAUTH "},
	} {
		for _, client := range connect(stranger.username, stranger.password) {
			refused("GET", client.Get(ctx, "k").Err(), stranger.refusal)
			client.Close()
		}
	}
}
