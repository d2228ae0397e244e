import java.util.Arrays;
import java.util.List;
import java.util.Set;
import redis.clients.jedis.DefaultJedisClientConfig;
import redis.clients.jedis.HostAndPort;
import redis.clients.jedis.JedisPooled;
import redis.clients.jedis.csc.Cache;
import redis.clients.jedis.csc.CacheConfig;

/** Jedis's client-side cache. It wants RESP3 and Redis 7.4 or later. */
public final class JedisCacheProgram {
    private JedisCacheProgram() {
    }

    public static void main(String[] arguments) throws Exception {
        HostAndPort address = new HostAndPort(Check.HOST, Check.PORT);
        DefaultJedisClientConfig config = DefaultJedisClientConfig.builder().resp3().build();
        CacheConfig caching = CacheConfig.builder().maxSize(1000).build();
        try (JedisPooled cached = new JedisPooled(address, config, caching);
                JedisPooled writer = new JedisPooled(address, config)) {
            Cache cache = cached.getCache();
            writer.set("s", "one");
            writer.sadd("set", "a");
            Check.same("GET", cached.get("s"), "one");
            Check.same("SMEMBERS", cached.smembers("set"), Set.of("a"));
            Check.same("MGET", cached.mget("s", "none"), Arrays.asList("one", null));
            Check.same("what is cached", cache.getSize(), 3);
            Check.same("GET", cached.get("s"), "one");
            Check.same("hits", cache.getAndResetStats().getHitCount(), 1L);
            for (int round = 0; round < 50; round++) {
                String value = "v" + round;
                writer.set("s", value);
                Check.until("the old value leaves the cache", () -> cached.get("s").equals(value));
                Check.same("what is next to it", cached.smembers("set"), Set.of("a"));
            }
            Check.that("invalidations", cache.getAndResetStats().getInvalidationCount() >= 50);
            Check.same("what it writes itself", List.of(cached.set("s", "own"), cached.get("s")), List.of("OK", "own"));
            writer.flushAll();
            Check.until("all leaves the cache", () -> cached.get("s") == null);
            Check.same("SMEMBERS", cached.smembers("set"), Set.of());
        }
    }
}
