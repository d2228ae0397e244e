import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import redis.clients.jedis.AbstractTransaction;
import redis.clients.jedis.Connection;
import redis.clients.jedis.ConnectionPoolConfig;
import redis.clients.jedis.DefaultJedisClientConfig;
import redis.clients.jedis.HostAndPort;
import redis.clients.jedis.Jedis;
import redis.clients.jedis.JedisClientConfig;
import redis.clients.jedis.JedisPooled;
import redis.clients.jedis.JedisPubSub;
import redis.clients.jedis.Pipeline;
import redis.clients.jedis.RedisProtocol;
import redis.clients.jedis.Response;
import redis.clients.jedis.ScanIteration;
import redis.clients.jedis.StreamEntryID;
import redis.clients.jedis.args.ClientType;
import redis.clients.jedis.args.ListDirection;
import redis.clients.jedis.exceptions.JedisConnectionException;
import redis.clients.jedis.exceptions.JedisDataException;
import redis.clients.jedis.exceptions.JedisNoScriptException;
import redis.clients.jedis.params.ClientKillParams;
import redis.clients.jedis.params.ScanParams;
import redis.clients.jedis.params.SetParams;
import redis.clients.jedis.params.XAddParams;
import redis.clients.jedis.params.XAutoClaimParams;
import redis.clients.jedis.params.XPendingParams;
import redis.clients.jedis.params.XReadGroupParams;
import redis.clients.jedis.params.XReadParams;
import redis.clients.jedis.params.ZAddParams;
import redis.clients.jedis.params.ZRangeParams;
import redis.clients.jedis.resps.ScanResult;
import redis.clients.jedis.resps.StreamEntry;
import redis.clients.jedis.resps.StreamPendingSummary;
import redis.clients.jedis.resps.Tuple;
import redis.clients.jedis.util.KeyValue;

/** Jedis, with RESP2 and with RESP3. */
public final class JedisProgram {
    private static final int CONNECTIONS = 16;

    private final JedisClientConfig config;
    private final JedisPooled jedis;

    private JedisProgram(JedisClientConfig config) {
        this.config = config;
        this.jedis = connect(CONNECTIONS);
    }

    public static void main(String[] arguments) throws Exception {
        for (boolean resp3 : new boolean[] {false, true}) {
            DefaultJedisClientConfig.Builder builder =
                    DefaultJedisClientConfig.builder().socketTimeoutMillis(Check.PATIENCE * 1000);
            new JedisProgram((resp3 ? builder.resp3() : builder).build()).run(resp3 ? "RESP3 " : "RESP2 ");
        }
    }

    private JedisPooled connect(int connections) {
        ConnectionPoolConfig pool = new ConnectionPoolConfig();
        pool.setMaxTotal(connections);
        return new JedisPooled(pool, new HostAndPort(Check.HOST, Check.PORT), config);
    }

    private void run(String protocol) throws Exception {
        Map<String, Check.Action> checks = new LinkedHashMap<>();
        checks.put("strings and keys", this::strings);
        checks.put("hashes", this::hashes);
        checks.put("lists", this::lists);
        checks.put("sets and sorted sets", this::sets);
        checks.put("streams", this::streams);
        checks.put("binary", this::binary);
        checks.put("scan", this::scan);
        checks.put("errors", this::errors);
        checks.put("pipelines", this::pipelines);
        checks.put("transactions", this::transactions);
        checks.put("watch", this::watch);
        checks.put("scripts", this::scripts);
        checks.put("pub/sub", this::pubSub);
        checks.put("blocking", this::blocking);
        checks.put("pool", this::pool);
        checks.put("killed", this::killed);
        for (Map.Entry<String, Check.Action> check : checks.entrySet()) {
            jedis.flushAll();
            Check.run(protocol + check.getKey(), check.getValue());
        }
        jedis.close();
    }

    private void strings() throws Exception {
        Check.same("SET", jedis.set("s", "one"), "OK");
        Check.same("SET NX", jedis.set("s", "two", SetParams.setParams().nx()), null);
        Check.same("SET GET", jedis.setGet("s", "three", SetParams.setParams().px(60000)), "one");
        long left = jedis.pttl("s");
        Check.that("PTTL: " + left, left > 0 && left <= 60000);
        Check.same("PERSIST", jedis.persist("s"), 1L);
        Check.same("GETDEL", jedis.getDel("s"), "three");
        Check.same("GET of none", jedis.get("s"), null);
        Check.same("MSET", jedis.mset("a", "1", "b", "2"), "OK");
        Check.same("MGET", jedis.mget("a", "none", "b"), Arrays.asList("1", null, "2"));
        Check.same("INCRBY", jedis.incrBy("a", -11), -10L);
        Check.same("INCRBYFLOAT", jedis.incrByFloat("a", 0.5), -9.5);
        Check.same("APPEND", jedis.append("a", "!"), 5L);
        Check.same("SETBIT", jedis.setbit("bits", 7, true), false);
        Check.same("BITCOUNT", jedis.bitcount("bits"), 1L);
        Check.same("PFADD", jedis.pfadd("hll", "x", "y"), 1L);
        Check.same("PFCOUNT", jedis.pfcount("hll"), 2L);
        Check.same("GEOADD", jedis.geoadd("geo", 13.361389, 38.115556, "Palermo"), 1L);
        Check.same("COPY", jedis.copy("a", "c", false), true);
        Check.same("RENAMENX", jedis.renamenx("a", "c"), 0L);
        Check.same("RESTORE", jedis.restore("d", 0, jedis.dump("c")), "OK");
        Check.same("EXISTS", jedis.exists("a", "c", "d", "none"), 3L);
        Check.same("UNLINK", jedis.unlink("a", "c", "d"), 3L);
        jedis.psetex("soon", 1, "v");
        Check.until("a key expires", () -> !jedis.exists("soon"));
        Check.same("TTL of none", jedis.ttl("soon"), -2L);
    }

    private void hashes() {
        Check.same("HSET", jedis.hset("h", Map.of("a", "1", "b", "two")), 2L);
        Check.same("HGETALL", jedis.hgetAll("h"), Map.of("a", "1", "b", "two"));
        Check.same("HMGET", jedis.hmget("h", "a", "none"), Arrays.asList("1", null));
        Check.same("HINCRBY", jedis.hincrBy("h", "a", 5), 6L);
        Check.same("HINCRBYFLOAT", jedis.hincrByFloat("h", "a", 0.25), 6.25);
        Check.same("HDEL", jedis.hdel("h", "b", "none"), 1L);
        Check.same("HRANDFIELD", jedis.hrandfieldWithValues("h", 1), List.of(KeyValue.of("a", "6.25")));
    }

    private void lists() {
        Check.same("RPUSH", jedis.rpush("l", "a", "b", "c", "d"), 4L);
        Check.same("LRANGE", jedis.lrange("l", 1, -1), List.of("b", "c", "d"));
        Check.same("LMOVE", jedis.lmove("l", "m", ListDirection.LEFT, ListDirection.RIGHT), "a");
        Check.same("RPOP", jedis.rpop("l", 2), List.of("d", "c"));
        Check.same("LMPOP", jedis.lmpop(ListDirection.LEFT, 5, "none", "l"), KeyValue.of("l", List.of("b")));
        Check.same("LPOP of none", jedis.lpop("l"), null);
        jedis.rpush("numbers", "3", "1", "2");
        Check.same("SORT", jedis.sort("numbers"), List.of("1", "2", "3"));
    }

    private void sets() {
        Check.same("SADD", jedis.sadd("a", "1", "2", "3"), 3L);
        Check.same("SADD", jedis.sadd("b", "3", "4"), 2L);
        Check.same("SMEMBERS", jedis.smembers("a"), Set.of("1", "2", "3"));
        Check.same("SINTER", jedis.sinter("a", "b"), Set.of("3"));
        Check.same("SMISMEMBER", jedis.smismember("a", "1", "9"), List.of(true, false));
        Set<String> popped = jedis.spop("a", 2);
        Check.that("SPOP: " + popped, popped.size() == 2 && jedis.scard("a") == 1);

        Check.same("ZADD", jedis.zadd("z", Map.of("a", 1.0, "b", 2.5, "c", Double.POSITIVE_INFINITY)), 3L);
        Check.same("ZADD GT", jedis.zadd("z", 2, "b", ZAddParams.zAddParams().gt().ch()), 0L);
        Check.same("ZADD INCR", jedis.zaddIncr("z", 0.5, "b", ZAddParams.zAddParams()), 3.0);
        Check.same("ZRANGE", jedis.zrangeWithScores("z", ZRangeParams.zrangeByScoreParams(1, 5)),
                List.of(new Tuple("a", 1.0), new Tuple("b", 3.0)));
        Check.same("ZSCORE", jedis.zscore("z", "c"), Double.POSITIVE_INFINITY);
        Check.same("ZRANK of none", jedis.zrank("z", "none"), null);
        Check.same("ZMSCORE", jedis.zmscore("z", "a", "none"), Arrays.asList(1.0, null));
        Check.same("ZPOPMAX", jedis.zpopmax("z"), new Tuple("c", Double.POSITIVE_INFINITY));
        Check.same("ZCARD", jedis.zcard("z"), 2L);
    }

    private void streams() {
        StreamEntryID first = jedis.xadd("x", XAddParams.xAddParams().id(5, 1), Map.of("n", "1"));
        Check.same("XADD", first, new StreamEntryID(5, 1));
        StreamEntryID second = jedis.xadd("x", StreamEntryID.NEW_ENTRY, Map.of("n", "2"));
        Check.same("XRANGE", ids(jedis.xrange("x", "-", "+")), List.of(first, second));
        Check.same("XREAD", ids(jedis.xread(XReadParams.xReadParams().count(1), Map.of("x", new StreamEntryID()))
                .get(0).getValue()), List.of(first));
        Check.same("XGROUP CREATE", jedis.xgroupCreate("x", "g", new StreamEntryID(0, 0), false), "OK");
        Check.refused("XGROUP CREATE again", JedisDataException.class, "BUSYGROUP",
                () -> jedis.xgroupCreate("x", "g", new StreamEntryID(0, 0), false));
        Map<String, StreamEntryID> fresh = Map.of("x", StreamEntryID.XREADGROUP_UNDELIVERED_ENTRY);
        List<StreamEntry> read = jedis.xreadGroup("g", "alice", XReadGroupParams.xReadGroupParams().count(10), fresh)
                .get(0).getValue();
        Check.same("XREADGROUP", ids(read), List.of(first, second));
        Check.same("fields", read.get(1).getFields(), Map.of("n", "2"));
        Check.same("XREADGROUP, nothing", jedis.xreadGroup("g", "bob", XReadGroupParams.xReadGroupParams().block(20),
                fresh), null);
        Check.same("XACK", jedis.xack("x", "g", first), 1L);
        StreamPendingSummary pending = jedis.xpending("x", "g");
        Check.same("XPENDING", pending.getConsumerMessageCount(), Map.of("alice", 1L));
        Check.same("XPENDING of alice", jedis.xpending("x", "g",
                XPendingParams.xPendingParams("-", "+", 9).consumer("alice")).get(0).getID(), second);
        Check.same("XAUTOCLAIM", ids(jedis.xautoclaim("x", "g", "bob", 0, new StreamEntryID(0, 0),
                XAutoClaimParams.xAutoClaimParams()).getValue()), List.of(second));
        Check.same("XINFO GROUPS", jedis.xinfoGroups("x").get(0).getLastDeliveredId(), second);
        Check.same("XINFO STREAM FULL", jedis.xinfoStreamFull("x").getGroups().get(0).getPending().size(), 1);
        Check.same("XDEL", jedis.xdel("x", first), 1L);
        Check.same("XTRIM", jedis.xtrim("x", 0, false), 1L);
    }

    private static List<StreamEntryID> ids(List<StreamEntry> entries) {
        return entries.stream().map(StreamEntry::getID).toList();
    }

    private void binary() {
        byte[] every = new byte[256];
        for (int i = 0; i < every.length; i++) {
            every[i] = (byte) i;
        }
        byte[] large = new byte[3 << 20];
        new Random(1).nextBytes(large);
        byte[] key = Arrays.copyOf(every, 64);
        for (byte[] value : new byte[][] {{}, {0}, "\r\n$-1\r\n".getBytes(StandardCharsets.US_ASCII), every, large}) {
            Check.same("SET", jedis.set(key, value), "OK");
            Check.same("GET", jedis.get(key), value);
            jedis.hset("h".getBytes(StandardCharsets.US_ASCII), key, value);
            Check.same("HGET", jedis.hget("h".getBytes(StandardCharsets.US_ASCII), key), value);
        }
        Check.same("EXISTS", jedis.exists(key), true);
        jedis.set("ключ", "значение ☃");
        Check.same("GET", jedis.get("ключ"), "значение ☃");
    }

    private void scan() {
        final int many = 2000;
        try (Pipeline pipeline = jedis.pipelined()) {
            for (int i = 0; i < many; i++) {
                pipeline.set("scan:" + i, "v");
                pipeline.hset("hash", "f" + i, "v");
                pipeline.sadd("set", "m" + i);
            }
            pipeline.sync();
        }
        Set<String> seen = new HashSet<>();
        ScanIteration iteration = jedis.scanIteration(100, "scan:*");
        while (!iteration.isIterationCompleted()) {
            seen.addAll(iteration.nextBatch().getResult());
        }
        Check.same("SCAN", seen.size(), many);
        seen.clear();
        String cursor = ScanParams.SCAN_POINTER_START;
        do {
            ScanResult<Map.Entry<String, String>> page = jedis.hscan("hash", cursor, new ScanParams().count(100));
            page.getResult().forEach(entry -> seen.add(entry.getKey()));
            cursor = page.getCursor();
        } while (!cursor.equals(ScanParams.SCAN_POINTER_START));
        Check.same("HSCAN", seen.size(), many);
        seen.clear();
        do {
            ScanResult<String> page = jedis.sscan("set", cursor, new ScanParams().match("m1*"));
            seen.addAll(page.getResult());
            cursor = page.getCursor();
        } while (!cursor.equals(ScanParams.SCAN_POINTER_START));
        Check.same("SSCAN", seen.size(), 1111);
    }

    private void errors() {
        jedis.set("s", "text");
        Check.refused("LPUSH to a string", JedisDataException.class, "WRONGTYPE ", () -> jedis.lpush("s", "v"));
        Check.refused("INCR of a text", JedisDataException.class, "ERR value is not an integer", () -> jedis.incr("s"));
        Check.refused("an unknown command", JedisDataException.class, "ERR unknown command 'NOSUCH'",
                () -> jedis.sendCommand(() -> "NOSUCH".getBytes(StandardCharsets.US_ASCII), "a"));
        Check.refused("EVALSHA of none", JedisNoScriptException.class, "NOSCRIPT ",
                () -> jedis.evalsha("0123456789012345678901234567890123456789"));
        Check.refused("LSET of none", JedisDataException.class, "ERR no such key",
                () -> jedis.lset("none", 0, "v"));
        Check.same("GET", jedis.get("s"), "text");
    }

    private void pipelines() {
        try (Pipeline pipeline = jedis.pipelined()) {
            List<Response<Long>> sums = new ArrayList<>();
            for (int i = 0; i < 10000; i++) {
                sums.add(pipeline.incr("n"));
            }
            pipeline.set("s", "text");
            Response<Long> bad = pipeline.lpush("s", "v");
            Response<String> none = pipeline.get("none");
            Response<Long> after = pipeline.append("s", "!");
            pipeline.sync();
            for (int i = 0; i < sums.size(); i++) {
                Check.same("INCR", sums.get(i).get(), i + 1L);
            }
            Check.refused("LPUSH", JedisDataException.class, "WRONGTYPE ", bad::get);
            Check.same("GET of none", none.get(), null);
            Check.same("APPEND", after.get(), 5L);
        }
        try (Pipeline pipeline = jedis.pipelined()) {
            pipeline.incr("n");
            pipeline.hset("h", "f", "v");
            pipeline.hgetAll("h");
            Check.same("what a pipeline returns", pipeline.syncAndReturnAll(), List.of(10001L, 1L, Map.of("f", "v")));
        }
    }

    private void transactions() {
        try (AbstractTransaction transaction = jedis.multi()) {
            Response<String> set = transaction.set("s", "v");
            Response<Map<String, String>> hash = transaction.hgetAll("h");
            Response<Long> bad = transaction.lpush("s", "v");
            Response<Long> sum = transaction.incr("n");
            Check.same("EXEC", transaction.exec().size(), 4);
            Check.same("SET", set.get(), "OK");
            Check.same("HGETALL", hash.get(), Map.of());
            Check.refused("LPUSH", JedisDataException.class, "WRONGTYPE ", bad::get);
            Check.same("INCR", sum.get(), 1L);
        }
        try (AbstractTransaction transaction = jedis.multi()) {
            transaction.incr("n");
            Check.same("DISCARD", transaction.discard(), "OK");
        }
        Check.refused("EXEC with a command that is refused", JedisDataException.class, "EXECABORT ", () -> {
            try (AbstractTransaction transaction = jedis.multi()) {
                transaction.incr("n");
                transaction.sendCommand(() -> "GET".getBytes(StandardCharsets.US_ASCII), new String[0]);
                transaction.exec();
            }
        });
        Check.same("GET", jedis.get("n"), "1");
    }

    private void watch() throws Exception {
        final int workers = CONNECTIONS / 2; // each with one that watches and one that reads
        final int rounds = 20;
        List<CompletableFuture<Void>> all = new ArrayList<>();
        for (int worker = 0; worker < workers; worker++) {
            all.add(Check.start(() -> {
                for (int done = 0; done < rounds;) {
                    try (AbstractTransaction transaction = jedis.transaction(false)) {
                        Check.same("WATCH", transaction.watch("n"), "OK");
                        String n = jedis.get("n");
                        transaction.multi();
                        transaction.set("n", String.valueOf(n == null ? 1 : Integer.parseInt(n) + 1));
                        done += transaction.exec() == null ? 0 : 1;
                    }
                }
                return null;
            }));
        }
        for (CompletableFuture<Void> one : all) {
            Check.within(one);
        }
        Check.same("the sum", jedis.get("n"), String.valueOf(workers * rounds));
        try (AbstractTransaction transaction = jedis.transaction(false)) {
            transaction.watch("n");
            jedis.incr("n");
            transaction.unwatch();
            transaction.multi();
            transaction.incr("n");
            Check.same("EXEC after UNWATCH", transaction.exec(), List.of((long) workers * rounds + 2));
        }
    }

    private void scripts() {
        String script = "return {redis.call('INCRBY', KEYS[1], ARGV[1]), ARGV[2], false, {'x'}}";
        String sha = jedis.scriptLoad(script);
        Check.same("SCRIPT EXISTS", jedis.scriptExists(List.of(sha)), List.of(true));
        Check.same("EVALSHA", jedis.evalsha(sha, List.of("n"), List.of("5", "a")),
                Arrays.asList(5L, "a", null, List.of("x")));
        Check.same("EVAL", jedis.eval(script, 1, "n", "-5", "b"), Arrays.asList(0L, "b", null, List.of("x")));
        Check.refused("a script's own error", JedisDataException.class, "MINE is wrong",
                () -> jedis.eval("return redis.error_reply('MINE is wrong')"));
        Check.same("FUNCTION LOAD", jedis.functionLoad("#!lua name=library\n"
                + "redis.register_function('count', function(keys, args)\n"
                + "    return redis.call('INCRBY', keys[1], args[1])\n"
                + "end)"),
                "library");
        Check.same("FCALL", jedis.fcall("count", List.of("n"), List.of("7")), 7L);
        Check.same("FUNCTION LIST", jedis.functionList().get(0).getLibraryName(), "library");
        Check.same("FUNCTION DELETE", jedis.functionDelete("library"), "OK");
    }

    private void pubSub() throws Exception {
        BlockingQueue<List<String>> heard = new LinkedBlockingQueue<>();
        JedisPubSub listener = new JedisPubSub() {
            @Override
            public void onMessage(String channel, String message) {
                heard.add(List.of(channel, message));
            }

            @Override
            public void onPMessage(String pattern, String channel, String message) {
                heard.add(List.of(pattern, channel, message));
            }

            @Override
            public void onSubscribe(String channel, int count) {
                heard.add(List.of("+", channel, String.valueOf(count)));
            }

            @Override
            public void onPSubscribe(String pattern, int count) {
                heard.add(List.of("+", pattern, String.valueOf(count)));
            }

            @Override
            public void onUnsubscribe(String channel, int count) {
                heard.add(List.of("-", channel, String.valueOf(count)));
            }

            @Override
            public void onPong(String text) {
                heard.add(List.of("pong", text));
            }
        };
        CompletableFuture<Void> reader = Check.start(() -> {
            jedis.subscribe(listener, "news", "other");
            return null;
        });
        hears(heard, "+", "news", "1");
        hears(heard, "+", "other", "2");
        listener.psubscribe("[x-z]*");
        hears(heard, "+", "[x-z]*", "3");
        if (config.getRedisProtocol() != RedisProtocol.RESP3) {
            // In RESP3 Jedis notes that it waits for a pong only after it has asked: with an answer that comes sooner it
            // ends the subscription ("Unexpected message").
            listener.ping("still?");
            hears(heard, "pong", "still?");
        }
        for (int i = 0; i < 500; i++) {
            Check.same("PUBLISH", jedis.publish("news", "text\r\n" + i), 1L);
        }
        for (int i = 0; i < 500; i++) {
            hears(heard, "news", "text\r\n" + i);
        }
        jedis.publish("yes", "a match");
        hears(heard, "[x-z]*", "yes", "a match");
        listener.unsubscribe("news");
        hears(heard, "-", "news", "2");
        Check.same("PUBLISH", jedis.publish("news", "the last"), 0L);
        listener.punsubscribe();
        listener.unsubscribe();
        Check.within(reader);
    }

    private static void hears(BlockingQueue<List<String>> heard, String... want) throws InterruptedException {
        Check.same("what a subscriber hears", heard.poll(Check.PATIENCE, TimeUnit.SECONDS), List.of(want));
    }

    private void blocking() throws Exception {
        long begin = System.nanoTime();
        Check.same("BLPOP, nothing", jedis.blpop(0.3, "none", "nor"), null);
        long took = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begin);
        Check.that("BLPOP of 300 ms took " + took, took >= 290 && took < 5000);
        jedis.rpush("there", "1");
        Check.same("BRPOP", jedis.brpop(1.0, "none", "there"), KeyValue.of("there", "1"));

        List<CompletableFuture<?>> waiting = List.of(
                Check.start(() -> jedis.blpop(Check.PATIENCE, "q")),
                Check.start(() -> jedis.blmove("from", "to", ListDirection.LEFT, ListDirection.LEFT, Check.PATIENCE)),
                Check.start(() -> jedis.bzpopmin((double) Check.PATIENCE, "z")),
                Check.start(() -> jedis.blmpop(Check.PATIENCE, ListDirection.RIGHT, 2, "m1", "m2")),
                Check.start(() -> ids(jedis.xread(XReadParams.xReadParams().block(Check.PATIENCE * 1000),
                        Map.of("x", StreamEntryID.XREAD_NEW_ENTRY)).get(0).getValue())));
        Check.until("five wait", () -> Check.field(jedis.info("clients"), "blocked_clients").equals("5"));
        jedis.rpush("q", "1");
        jedis.rpush("from", "2");
        jedis.zadd("z", 3, "m");
        jedis.rpush("m2", "4", "5", "6");
        jedis.xadd("x", new StreamEntryID(7, 0), Map.of("f", "v"));
        Object[] want = {List.of("q", "1"), "2", KeyValue.of("z", new Tuple("m", 3.0)),
                KeyValue.of("m2", List.of("6", "5")), List.of(new StreamEntryID(7, 0))};
        for (int i = 0; i < want.length; i++) {
            Check.same("a call that waited", Check.within(waiting.get(i)), want[i]);
        }
    }

    private void pool() throws Exception {
        final int workers = 16;
        final int rounds = 100;
        try (JedisPooled small = connect(4)) {
            List<CompletableFuture<Void>> all = new ArrayList<>();
            for (int worker = 0; worker < workers; worker++) {
                String own = "own:" + worker;
                all.add(Check.start(() -> {
                    for (int round = 1; round <= rounds; round++) {
                        small.incr("sum");
                        small.set(own, String.valueOf(round));
                        Check.same("a worker's own", small.get(own), String.valueOf(round));
                    }
                    return null;
                }));
            }
            for (CompletableFuture<Void> one : all) {
                Check.within(one);
            }
        }
        Check.same("the sum", jedis.get("sum"), String.valueOf(workers * rounds));
        Check.same("KEYS", new TreeSet<>(jedis.keys("own:*")), new TreeSet<>(
                IntStream.range(0, workers).mapToObj(worker -> "own:" + worker).toList()));
    }

    /** Jedis does not try again by itself: it tells, and the pool makes a new connection. */
    private void killed() {
        try (Jedis killer = new Jedis(new HostAndPort(Check.HOST, Check.PORT), config);
                JedisPooled one = connect(1)) {
            killer.clientSetname("killer");
            one.set("s", "v");
            long closed = killer.clientKill(ClientKillParams.clientKillParams().type(ClientType.NORMAL)
                    .skipMe(ClientKillParams.SkipMe.YES));
            Check.that("CLIENT KILL closed " + closed, closed >= 1);
            Check.refused("a closed connection", JedisConnectionException.class, "", () -> one.get("s"));
            Check.same("GET", one.get("s"), "v");
            Check.same("CLIENT GETNAME", killer.clientGetname(), "killer");
            Check.that("CLIENT LIST", killer.clientList().contains("name=killer"));
        }
        jedis.getPool().clear();
        try (Connection connection = jedis.getPool().getResource()) {
            Check.same("PING", connection.ping(), true);
        }
    }
}
