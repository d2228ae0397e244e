import io.lettuce.core.RedisCommandExecutionException;
import io.lettuce.core.RedisFuture;
import io.lettuce.core.RedisURI;
import io.lettuce.core.ScriptOutputType;
import io.lettuce.core.cluster.ClusterClientOptions;
import io.lettuce.core.cluster.RedisClusterClient;
import io.lettuce.core.cluster.api.StatefulRedisClusterConnection;
import io.lettuce.core.cluster.api.async.RedisAdvancedClusterAsyncCommands;
import io.lettuce.core.cluster.api.sync.RedisAdvancedClusterCommands;
import io.lettuce.core.cluster.models.partitions.RedisClusterNode;
import io.lettuce.core.cluster.pubsub.RedisClusterPubSubAdapter;
import io.lettuce.core.cluster.pubsub.StatefulRedisClusterPubSubConnection;
import io.lettuce.core.protocol.ProtocolVersion;
import io.lettuce.core.pubsub.RedisPubSubAdapter;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import redis.clients.jedis.ClusterPipeline;
import redis.clients.jedis.DefaultJedisClientConfig;
import redis.clients.jedis.HostAndPort;
import redis.clients.jedis.JedisCluster;
import redis.clients.jedis.JedisPubSub;
import redis.clients.jedis.JedisShardedPubSub;
import redis.clients.jedis.Protocol;
import redis.clients.jedis.Response;
import redis.clients.jedis.exceptions.JedisDataException;

/** The cluster clients of Jedis and of Lettuce, with RESP2 and with RESP3. */
public final class ClusterProgram {
    private static final int MANY = 500;
    private static final List<String> KEYS = IntStream.range(0, MANY).mapToObj(number -> "key:" + number).toList();

    private ClusterProgram() {
    }

    public static void main(String[] arguments) throws Exception {
        for (boolean resp3 : new boolean[] {false, true}) {
            String protocol = resp3 ? "RESP3 " : "RESP2 ";
            Check.run(protocol + "Jedis", () -> jedis(resp3));
            Check.run(protocol + "Lettuce", () -> lettuce(resp3 ? ProtocolVersion.RESP3 : ProtocolVersion.RESP2));
        }
        System.exit(0);
    }

    private static void jedis(boolean resp3) throws Exception {
        DefaultJedisClientConfig.Builder builder =
                DefaultJedisClientConfig.builder().socketTimeoutMillis(Check.PATIENCE * 1000);
        DefaultJedisClientConfig config = (resp3 ? builder.resp3() : builder).build();
        try (JedisCluster cluster = new JedisCluster(Set.of(new HostAndPort(Check.HOST, Check.PORT)), config)) {
            cluster.flushAll();
            Check.same("nodes", cluster.getClusterNodes().keySet(), Set.of(Check.HOST + ":" + Check.PORT));
            KEYS.forEach(key -> cluster.set(key, key));
            List<Response<String>> replies = new ArrayList<>();
            try (ClusterPipeline pipeline = cluster.pipelined()) {
                KEYS.forEach(key -> replies.add(pipeline.get(key)));
            }
            Check.same("pipeline", replies.stream().map(Response::get).toList(), KEYS);

            Check.same("MSET", cluster.mset("{tag}a", "1", "{tag}b", "2"), "OK");
            Check.same("MGET", cluster.mget("{tag}a", "{tag}b"), List.of("1", "2"));
            Check.same("script", cluster.eval("return redis.call('incr', KEYS[1])", 1, "{tag}a"), 2L);
            Check.refused("MSET", JedisDataException.class, "CROSSSLOT ",
                    () -> cluster.sendCommand("a", Protocol.Command.MSET, "a", "1", "b", "2"));
            Check.same("refused before it was written", cluster.exists("a"), false);

            BlockingQueue<String> messages = new LinkedBlockingQueue<>();
            JedisPubSub subscriber = new JedisPubSub() {
                @Override
                public void onSubscribe(String channel, int count) {
                    messages.add("subscribed");
                }

                @Override
                public void onMessage(String channel, String message) {
                    messages.add(message);
                    unsubscribe();
                }
            };
            CompletableFuture<?> over = Check.start(() -> {
                cluster.subscribe(subscriber, "channel");
                return null;
            });
            Check.same("subscribed", messages.poll(Check.PATIENCE, TimeUnit.SECONDS), "subscribed");
            cluster.publish("channel", "hello");
            Check.same("message", messages.poll(Check.PATIENCE, TimeUnit.SECONDS), "hello");
            Check.within(over);

            JedisShardedPubSub sharded = new JedisShardedPubSub() {
                @Override
                public void onSSubscribe(String channel, int count) {
                    messages.add("subscribed");
                }

                @Override
                public void onSMessage(String channel, String message) {
                    messages.add(message);
                    sunsubscribe();
                }
            };
            over = Check.start(() -> {
                cluster.ssubscribe(sharded, "{tag}channel");
                return null;
            });
            Check.same("subscribed", messages.poll(Check.PATIENCE, TimeUnit.SECONDS), "subscribed");
            Check.same("receivers", cluster.spublish("{tag}channel", "hello"), 1L);
            Check.same("message", messages.poll(Check.PATIENCE, TimeUnit.SECONDS), "hello");
            Check.within(over);
            cluster.flushAll();
        }
    }

    private static void lettuce(ProtocolVersion protocol) throws Exception {
        RedisClusterClient client = RedisClusterClient.create(RedisURI.builder().withHost(Check.HOST)
                .withPort(Check.PORT).withTimeout(Duration.ofSeconds(Check.PATIENCE)).build());
        client.setOptions(ClusterClientOptions.builder().protocolVersion(protocol).build());
        try (StatefulRedisClusterConnection<String, String> connection = client.connect()) {
            RedisAdvancedClusterCommands<String, String> sync = connection.sync();
            RedisAdvancedClusterAsyncCommands<String, String> async = connection.async();
            sync.flushall();
            Check.same("nodes", client.getPartitions().stream().map(RedisClusterNode::getNodeId).toList(),
                    List.of(sync.clusterMyId()));
            Check.same("slots", client.getPartitions().getPartition(0).getSlots().size(), 16384);
            List<RedisFuture<String>> futures = new ArrayList<>();
            for (String key : KEYS) {
                async.set(key, key);
                futures.add(async.get(key));
            }
            for (int i = 0; i < MANY; i++) {
                Check.same("reply", Check.within(futures.get(i)), KEYS.get(i));
            }
            // It takes a command with keys of several slots apart.
            Check.same("MGET", sync.mget("key:1", "key:2").size(), 2);

            Check.same("MSET", sync.mset(Map.of("{tag}a", "1", "{tag}b", "2")), "OK");
            Check.same("script", sync.<Long>eval("return redis.call('incr', KEYS[1])", ScriptOutputType.INTEGER,
                    "{tag}a"), 2L);
            Check.refused("SUNIONSTORE", RedisCommandExecutionException.class, "CROSSSLOT ",
                    () -> sync.getConnection(sync.clusterMyId()).sunionstore("a", "b"));
            Check.same("COUNTKEYSINSLOT", sync.clusterCountKeysInSlot(sync.clusterKeyslot("tag").intValue()), 2L);
            BlockingQueue<String> messages = new LinkedBlockingQueue<>();
            try (StatefulRedisClusterPubSubConnection<String, String> listening = client.connectPubSub()) {
                listening.addListener(new RedisPubSubAdapter<String, String>() {
                    @Override
                    public void message(String channel, String message) {
                        messages.add(message);
                    }
                });
                listening.addListener(new RedisClusterPubSubAdapter<String, String>() {
                    @Override
                    public void smessage(RedisClusterNode node, String channel, String message) {
                        messages.add(message);
                    }
                });
                listening.sync().subscribe("channel");
                listening.sync().ssubscribe("{tag}channel");
                sync.publish("channel", "hello");
                Check.same("message", messages.poll(Check.PATIENCE, TimeUnit.SECONDS), "hello");
                sync.spublish("{tag}channel", "sharded");
                Check.same("message", messages.poll(Check.PATIENCE, TimeUnit.SECONDS), "sharded");
            }
        }
        client.shutdown(Duration.ZERO, Duration.ofSeconds(1));
    }
}
