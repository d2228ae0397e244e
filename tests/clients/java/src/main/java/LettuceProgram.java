import io.lettuce.core.ClientOptions;
import io.lettuce.core.Consumer;
import io.lettuce.core.FlushMode;
import io.lettuce.core.KeyScanCursor;
import io.lettuce.core.KeyValue;
import io.lettuce.core.KillArgs;
import io.lettuce.core.LMPopArgs;
import io.lettuce.core.Range;
import io.lettuce.core.RedisClient;
import io.lettuce.core.RedisCommandExecutionException;
import io.lettuce.core.RedisFuture;
import io.lettuce.core.RedisNoScriptException;
import io.lettuce.core.RedisURI;
import io.lettuce.core.ScanArgs;
import io.lettuce.core.ScanIterator;
import io.lettuce.core.ScoredValue;
import io.lettuce.core.ScriptOutputType;
import io.lettuce.core.SetArgs;
import io.lettuce.core.StreamMessage;
import io.lettuce.core.TrackingArgs;
import io.lettuce.core.TransactionResult;
import io.lettuce.core.XAutoClaimArgs;
import io.lettuce.core.XGroupCreateArgs;
import io.lettuce.core.XReadArgs;
import io.lettuce.core.api.StatefulRedisConnection;
import io.lettuce.core.api.async.RedisAsyncCommands;
import io.lettuce.core.api.reactive.RedisReactiveCommands;
import io.lettuce.core.api.sync.RedisCommands;
import io.lettuce.core.codec.ByteArrayCodec;
import io.lettuce.core.codec.StringCodec;
import io.lettuce.core.protocol.ProtocolVersion;
import io.lettuce.core.pubsub.RedisPubSubListener;
import io.lettuce.core.pubsub.StatefulRedisPubSubConnection;
import io.lettuce.core.support.caching.CacheAccessor;
import io.lettuce.core.support.caching.CacheFrontend;
import io.lettuce.core.support.caching.ClientSideCaching;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.LongStream;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** Lettuce, with RESP2 and with RESP3, its default: one connection for all threads, and others where it needs them. */
public final class LettuceProgram {
    private final RedisClient client;
    private final StatefulRedisConnection<String, String> connection;
    private final RedisCommands<String, String> sync;

    private LettuceProgram(ProtocolVersion protocol) {
        client = RedisClient.create(RedisURI.builder().withHost(Check.HOST).withPort(Check.PORT)
                .withTimeout(Duration.ofSeconds(Check.PATIENCE)).build());
        client.setOptions(ClientOptions.builder().protocolVersion(protocol).build());
        connection = client.connect();
        sync = connection.sync();
    }

    public static void main(String[] arguments) throws Exception {
        for (ProtocolVersion protocol : new ProtocolVersion[] {ProtocolVersion.RESP2, ProtocolVersion.RESP3}) {
            new LettuceProgram(protocol).run(protocol);
        }
    }

    private void run(ProtocolVersion protocol) throws Exception {
        Map<String, Check.Action> checks = new LinkedHashMap<>();
        checks.put("types", this::types);
        checks.put("streams", this::streams);
        checks.put("binary", this::binary);
        checks.put("scan", this::scan);
        checks.put("errors", this::errors);
        checks.put("asynchronous", this::asynchronous);
        checks.put("reactive", this::reactive);
        checks.put("transactions", this::transactions);
        checks.put("watch", this::watch);
        checks.put("scripts", this::scripts);
        checks.put("pub/sub", this::pubSub);
        checks.put("blocking", this::blocking);
        if (protocol == ProtocolVersion.RESP3) {
            checks.put("client-side cache", this::clientSideCache);
            checks.put("pushes", this::pushes);
        }
        checks.put("reconnecting", this::reconnecting);
        for (Map.Entry<String, Check.Action> check : checks.entrySet()) {
            sync.flushall();
            Check.run(protocol + " " + check.getKey(), check.getValue());
        }
        connection.close();
        client.shutdown(Duration.ZERO, Duration.ofSeconds(Check.PATIENCE));
    }

    private void types() {
        Check.same("SET", sync.set("s", "one", SetArgs.Builder.px(60000)), "OK");
        Check.same("SET NX", sync.set("s", "two", SetArgs.Builder.nx()), null);
        Check.same("SET GET", sync.setGet("s", "three"), "one");
        Check.same("TTL", sync.ttl("s"), -1L);
        Check.same("MGET", sync.mget("s", "none"), List.of(KeyValue.just("s", "three"), KeyValue.empty("none")));
        Check.same("INCRBYFLOAT", sync.incrbyfloat("n", 10.5), 10.5);
        Check.same("HSET", sync.hset("h", Map.of("a", "1", "b", "2")), 2L);
        Check.same("HGETALL", sync.hgetall("h"), Map.of("a", "1", "b", "2"));
        Check.same("RPUSH", sync.rpush("l", "a", "b", "c"), 3L);
        Check.same("LRANGE", sync.lrange("l", 0, 1), List.of("a", "b"));
        Check.same("SADD", sync.sadd("set", "a", "b"), 2L);
        Check.same("SMEMBERS", sync.smembers("set"), Set.of("a", "b"));
        Check.same("SMISMEMBER", sync.smismember("set", "a", "c"), List.of(true, false));
        Check.same("ZADD", sync.zadd("z", ScoredValue.just(1.5, "a"),
                ScoredValue.just(Double.POSITIVE_INFINITY, "b")), 2L);
        Check.same("ZRANGE", sync.zrangeWithScores("z", 0, -1), List.of(ScoredValue.just(1.5, "a"),
                ScoredValue.just(Double.POSITIVE_INFINITY, "b")));
        Check.same("ZSCORE of none", sync.zscore("z", "c"), null);
        Check.same("PFADD", sync.pfadd("hll", "a"), 1L);
        Check.same("GEOADD", sync.geoadd("geo", 13.361389, 38.115556, "Palermo"), 1L);
        Check.same("GEOHASH", sync.geohash("geo", "Palermo").get(0).getValue(), "sqc8b49rny0");
        Check.same("SELECT", sync.select(9), "OK");
        Check.same("EXISTS in another database", sync.exists("s"), 0L);
        Check.same("SELECT", sync.select(0), "OK");
        Check.same("EXISTS", sync.exists("s", "h", "l"), 3L);
    }

    private void streams() {
        String first = sync.xadd("x", Map.of("n", "1"));
        String second = sync.xadd("x", Map.of("n", "2"));
        Check.same("XRANGE", ids(sync.xrange("x", Range.unbounded())), List.of(first, second));
        Check.same("XGROUP CREATE", sync.xgroupCreate(XReadArgs.StreamOffset.from("x", "0"), "g",
                XGroupCreateArgs.Builder.mkstream()), "OK");
        Check.same("XREADGROUP", ids(sync.xreadgroup(Consumer.from("g", "alice"),
                XReadArgs.StreamOffset.lastConsumed("x"))), List.of(first, second));
        Check.same("XREADGROUP, nothing", sync.xreadgroup(Consumer.from("g", "bob"), XReadArgs.Builder.block(20),
                XReadArgs.StreamOffset.lastConsumed("x")), List.of());
        Check.same("XACK", sync.xack("x", "g", first), 1L);
        Check.same("XPENDING", sync.xpending("x", "g").getConsumerMessageCount(), Map.of("alice", 1L));
        Check.same("XAUTOCLAIM", ids(sync.xautoclaim("x", XAutoClaimArgs.Builder.xautoclaim(Consumer.from("g", "bob"),
                Duration.ZERO, "0")).getMessages()), List.of(second));
    }

    private static List<String> ids(List<StreamMessage<String, String>> messages) {
        return messages.stream().map(StreamMessage::getId).toList();
    }

    private void binary() {
        try (StatefulRedisConnection<byte[], byte[]> bytes = client.connect(ByteArrayCodec.INSTANCE)) {
            byte[] every = new byte[256];
            for (int i = 0; i < every.length; i++) {
                every[i] = (byte) i;
            }
            byte[] large = new byte[3 << 20];
            new Random(1).nextBytes(large);
            for (byte[] value : new byte[][] {{}, {13, 10}, every, large}) {
                Check.same("SET", bytes.sync().set(every, value), "OK");
                Check.same("GET", bytes.sync().get(every), value);
            }
        }
        sync.set("ключ", "значение ☃");
        Check.same("GET", sync.get("ключ"), "значение ☃");
    }

    private void scan() {
        final int many = 2000;
        Map<String, String> all = new LinkedHashMap<>();
        for (int i = 0; i < many; i++) {
            all.put("scan:" + i, "v");
        }
        sync.mset(all);
        sync.hset("hash", all);
        Set<String> seen = new HashSet<>();
        KeyScanCursor<String> cursor = sync.scan(ScanArgs.Builder.limit(100).match("scan:*"));
        seen.addAll(cursor.getKeys());
        while (!cursor.isFinished()) {
            cursor = sync.scan(cursor, ScanArgs.Builder.limit(100).match("scan:*"));
            seen.addAll(cursor.getKeys());
        }
        Check.same("SCAN", seen, all.keySet());
        seen.clear();
        ScanIterator.hscan(sync, "hash").forEachRemaining(field -> seen.add(field.getKey()));
        Check.same("HSCAN", seen, all.keySet());
    }

    private void errors() {
        sync.set("s", "text");
        Check.refused("LPUSH to a string", RedisCommandExecutionException.class, "WRONGTYPE ",
                () -> sync.lpush("s", "v"));
        Check.refused("LSET of none", RedisCommandExecutionException.class, "ERR no such key",
                () -> sync.lset("none", 0, "v"));
        Check.refused("EVALSHA of none", RedisNoScriptException.class, "NOSCRIPT ",
                () -> sync.evalsha("0123456789012345678901234567890123456789", ScriptOutputType.VALUE));
        Check.refused("SELECT of one too many", RedisCommandExecutionException.class, "ERR DB index is out of range",
                () -> sync.select(16));
        Check.same("GET", sync.get("s"), "text");
    }

    private void asynchronous() throws Exception {
        RedisAsyncCommands<String, String> async = connection.async();
        List<RedisFuture<Long>> sums = new ArrayList<>();
        for (int i = 0; i < 5000; i++) {
            sums.add(async.incr("n"));
        }
        for (int i = 0; i < sums.size(); i++) {
            Check.same("INCR", Check.within(sums.get(i)), i + 1L);
        }
        // A batch: nothing is sent before it is flushed.
        connection.setAutoFlushCommands(false);
        List<RedisFuture<?>> batch = List.of(async.set("s", "v"), async.get("s"), async.llen("none"));
        connection.flushCommands();
        connection.setAutoFlushCommands(true);
        Check.same("SET", Check.within(batch.get(0)), "OK");
        Check.same("GET", Check.within(batch.get(1)), "v");
        Check.same("LLEN", Check.within(batch.get(2)), 0L);
        // Threads that share the connection.
        List<CompletableFuture<Void>> all = new ArrayList<>();
        for (int worker = 0; worker < 8; worker++) {
            String own = "own:" + worker;
            all.add(Check.start(() -> {
                for (int round = 0; round < 100; round++) {
                    sync.incr("sum");
                    sync.set(own, String.valueOf(round));
                    Check.same("a worker's own", sync.get(own), String.valueOf(round));
                }
                return null;
            }));
        }
        for (CompletableFuture<Void> one : all) {
            Check.within(one);
        }
        Check.same("the sum", sync.get("sum"), "800");
    }

    private void reactive() {
        RedisReactiveCommands<String, String> reactive = connection.reactive();
        Duration patience = Duration.ofSeconds(Check.PATIENCE);
        // Sorted: several threads send them.
        Check.same("sums", Flux.range(0, 1000).flatMap(i -> reactive.incr("n")).sort().collectList().block(patience),
                LongStream.rangeClosed(1, 1000).boxed().toList());
        Check.same("RPUSH, then LRANGE", reactive.rpush("l", "a", "b", "c")
                .thenMany(reactive.lrange("l", 0, -1)).collectList().block(patience), List.of("a", "b", "c"));
        Check.same("GET of none", reactive.get("none").defaultIfEmpty("empty").block(patience), "empty");
        Check.same("an error", reactive.incr("l").map(String::valueOf)
                .onErrorResume(error -> Mono.just(error.getMessage().substring(0, 9)))
                .block(patience), "WRONGTYPE");
    }

    private void transactions() throws Exception {
        Check.same("MULTI", sync.multi(), "OK");
        Check.same("SET while it is queued", sync.set("s", "v"), null);
        sync.hgetall("none");
        sync.incr("n");
        TransactionResult result = sync.exec();
        Check.same("EXEC", result.stream().toList(), List.of("OK", Map.of(), 1L));
        sync.multi();
        sync.incr("n");
        Check.same("DISCARD", sync.discard(), "OK");
        Check.same("GET", sync.get("n"), "1");

        RedisAsyncCommands<String, String> async = connection.async();
        async.multi();
        RedisFuture<Long> bad = async.lpush("s", "v");
        RedisFuture<Long> sum = async.incr("n");
        Check.same("EXEC", Check.within(async.exec()).size(), 2);
        Check.refused("LPUSH", ExecutionException.class,
                "io.lettuce.core.RedisCommandExecutionException: WRONGTYPE ", () -> Check.within(bad));
        Check.same("INCR", Check.within(sum), 2L);
    }

    private void watch() throws Exception {
        final int workers = 8;
        final int rounds = 20;
        List<CompletableFuture<Void>> all = new ArrayList<>();
        for (int worker = 0; worker < workers; worker++) {
            all.add(Check.start(() -> {
                try (StatefulRedisConnection<String, String> own = client.connect()) {
                    for (int done = 0; done < rounds;) {
                        own.sync().watch("n");
                        String n = own.sync().get("n");
                        own.sync().multi();
                        own.sync().set("n", String.valueOf(n == null ? 1 : Integer.parseInt(n) + 1));
                        done += own.sync().exec().wasDiscarded() ? 0 : 1;
                    }
                }
                return null;
            }));
        }
        for (CompletableFuture<Void> one : all) {
            Check.within(one);
        }
        Check.same("the sum", sync.get("n"), String.valueOf(workers * rounds));
    }

    private void scripts() {
        String script = "return {redis.call('INCRBY', KEYS[1], ARGV[1]), ARGV[2], false, {'x'}}";
        String sha = sync.scriptLoad(script);
        Check.same("SCRIPT EXISTS", sync.scriptExists(sha), List.of(true));
        Check.same("EVALSHA", sync.evalsha(sha, ScriptOutputType.MULTI, new String[] {"n"}, "5", "a"),
                Arrays.asList(5L, "a", null, List.of("x")));
        Check.same("EVAL", sync.eval("return redis.call('GET', KEYS[1]) == '5'", ScriptOutputType.BOOLEAN, "n"), true);
        Check.refused("a script's own error", RedisCommandExecutionException.class, "MINE is wrong",
                () -> sync.eval("return redis.error_reply('MINE is wrong')", ScriptOutputType.STATUS));
        Check.same("FUNCTION LOAD", sync.functionLoad("#!lua name=library\n"
                + "redis.register_function('count', function(keys, args)\n"
                + "    return redis.call('INCRBY', keys[1], args[1])\n"
                + "end)"),
                "library");
        Check.same("FCALL", sync.fcall("count", ScriptOutputType.INTEGER, new String[] {"n"}, "7"), 12L);
        Check.same("FUNCTION FLUSH", sync.functionFlush(FlushMode.SYNC), "OK");
    }

    private void pubSub() throws Exception {
        try (StatefulRedisPubSubConnection<String, String> subscriber = client.connectPubSub()) {
            BlockingQueue<List<String>> heard = new LinkedBlockingQueue<>();
            subscriber.addListener(new RedisPubSubListener<>() {
                @Override
                public void message(String channel, String message) {
                    heard.add(List.of(channel, message));
                }

                @Override
                public void message(String pattern, String channel, String message) {
                    heard.add(List.of(pattern, channel, message));
                }

                @Override
                public void subscribed(String channel, long count) {
                    heard.add(List.of("+", channel, String.valueOf(count)));
                }

                @Override
                public void psubscribed(String pattern, long count) {
                    heard.add(List.of("+", pattern, String.valueOf(count)));
                }

                @Override
                public void unsubscribed(String channel, long count) {
                    heard.add(List.of("-", channel, String.valueOf(count)));
                }

                @Override
                public void punsubscribed(String pattern, long count) {
                    heard.add(List.of("-", pattern, String.valueOf(count)));
                }
            });
            subscriber.sync().subscribe("news", "other");
            hears(heard, "+", "news", "1");
            hears(heard, "+", "other", "2");
            subscriber.sync().psubscribe("[x-z]*");
            hears(heard, "+", "[x-z]*", "3");
            Check.same("PUBSUB NUMSUB", sync.pubsubNumsub("news", "none"), Map.of("news", 1L, "none", 0L));
            for (int i = 0; i < 500; i++) {
                Check.same("PUBLISH", sync.publish("news", "text\r\n" + i), 1L);
            }
            for (int i = 0; i < 500; i++) {
                hears(heard, "news", "text\r\n" + i);
            }
            sync.publish("yes", "a match");
            hears(heard, "[x-z]*", "yes", "a match");
            subscriber.sync().unsubscribe("news");
            hears(heard, "-", "news", "2");
            Check.same("PUBLISH", sync.publish("news", "the last"), 0L);
            subscriber.sync().punsubscribe("[x-z]*");
            hears(heard, "-", "[x-z]*", "1");

            // A connection that is lost comes back with its subscriptions.
            sync.clientKill(KillArgs.Builder.typePubsub());
            hears(heard, "+", "other", "1");
            Check.same("PUBLISH", sync.publish("other", "back"), 1L);
            hears(heard, "other", "back");
        }
    }

    private static void hears(BlockingQueue<List<String>> heard, String... want) throws InterruptedException {
        Check.same("what a subscriber hears", heard.poll(Check.PATIENCE, TimeUnit.SECONDS), List.of(want));
    }

    private void blocking() throws Exception {
        try (StatefulRedisConnection<String, String> first = client.connect();
                StatefulRedisConnection<String, String> second = client.connect();
                StatefulRedisConnection<String, String> third = client.connect()) {
            Check.same("BLPOP, nothing", first.sync().blpop(0.1, "none"), null);
            RedisFuture<KeyValue<String, String>> popped = first.async().blpop(Check.PATIENCE, "q", "r");
            RedisFuture<List<StreamMessage<String, String>>> read = second.async().xread(
                    XReadArgs.Builder.block(Check.PATIENCE * 1000), XReadArgs.StreamOffset.latest("x"));
            RedisFuture<KeyValue<String, List<String>>> several = third.async().blmpop((double) Check.PATIENCE,
                    LMPopArgs.Builder.left().count(2), "m");
            Check.until("three wait", () -> Check.field(sync.info("clients"), "blocked_clients").equals("3"));
            sync.rpush("r", "1");
            String id = sync.xadd("x", Map.of("f", "v"));
            sync.rpush("m", "1", "2", "3");
            Check.same("BLPOP", Check.within(popped), KeyValue.just("r", "1"));
            Check.same("XREAD", ids(Check.within(read)), List.of(id));
            Check.same("BLMPOP", Check.within(several), KeyValue.just("m", List.of("1", "2")));
        }
    }

    private void clientSideCache() throws Exception {
        try (StatefulRedisConnection<String, String> own = client.connect()) {
            Map<String, String> near = new ConcurrentHashMap<>();
            CacheFrontend<String, String> cache = ClientSideCaching.enable(CacheAccessor.forMap(near), own,
                    TrackingArgs.Builder.enabled());
            for (int round = 0; round < 50; round++) {
                String value = "v" + round;
                sync.set("cached", value);
                Check.until("the old value leaves the cache", () -> value.equals(cache.get("cached")));
                Check.same("what is near", near, Map.of("cached", value));
            }
            sync.del("cached");
            Check.until("a removed key leaves the cache", near::isEmpty);
            sync.psetex("cached", 500, "expires");
            Check.same("GET", cache.get("cached"), "expires");
            Check.until("an expired key leaves the cache", near::isEmpty);
            Check.same("the loader's", cache.get("cached", () -> "loaded"), "loaded");
            Check.same("what it stored", sync.get("cached"), "loaded");
        }
    }

    /** Invalidations as they come: for one's prefixes, in the order of the changes, and for all when all is flushed. */
    private void pushes() throws Exception {
        try (StatefulRedisConnection<String, String> own = client.connect()) {
            BlockingQueue<String> heard = new LinkedBlockingQueue<>();
            own.addListener(message -> {
                if (message.getType().equals("invalidate")) {
                    heard.add(String.valueOf(message.getContent(
                            StringCodec.UTF8::decodeKey).get(1)));
                }
            });
            own.sync().clientTracking(TrackingArgs.Builder.enabled().bcast().prefixes("user:", "item:"));
            for (String key : List.of("user:1", "none:1", "item:2", "user:3")) {
                sync.set(key, "v");
            }
            for (String key : List.of("user:1", "item:2", "user:3")) {
                Check.same("an invalidation", heard.poll(Check.PATIENCE, TimeUnit.SECONDS), List.of(key).toString());
            }
            sync.flushall();
            Check.same("an invalidation", heard.poll(Check.PATIENCE, TimeUnit.SECONDS), "null");
            own.sync().clientTracking(TrackingArgs.Builder.enabled(false));
            sync.set("user:1", "v");
            Check.same("PING", own.sync().ping(), "PONG");
            Check.that("no more: " + heard, heard.isEmpty());
        }
    }

    /** What was sent on a connection that is closed is sent again on the next. */
    private void reconnecting() throws Exception {
        try (StatefulRedisConnection<String, String> killer = client.connect()) {
            for (int round = 1; round <= 5; round++) {
                Check.same("INCR", sync.incr("n"), (long) round);
                long closed = killer.sync().clientKill(KillArgs.Builder.typeNormal().skipme());
                Check.that("CLIENT KILL closed " + closed, closed >= 1);
            }
        }
        Check.same("GET", sync.get("n"), "5");
    }
}
