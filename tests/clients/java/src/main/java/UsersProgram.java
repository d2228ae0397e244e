import io.lettuce.core.RedisClient;
import io.lettuce.core.RedisCommandExecutionException;
import io.lettuce.core.RedisConnectionException;
import io.lettuce.core.RedisURI;
import io.lettuce.core.SslOptions;
import io.lettuce.core.api.StatefulRedisConnection;
import io.lettuce.core.api.sync.RedisCommands;
import io.lettuce.core.cluster.ClusterClientOptions;
import io.lettuce.core.protocol.ProtocolVersion;
import java.io.File;
import java.io.FileInputStream;
import java.io.InputStream;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import java.util.Set;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocketFactory;
import javax.net.ssl.TrustManagerFactory;
import redis.clients.jedis.DefaultJedisClientConfig;
import redis.clients.jedis.HostAndPort;
import redis.clients.jedis.Jedis;
import redis.clients.jedis.JedisClientConfig;
import redis.clients.jedis.JedisCluster;
import redis.clients.jedis.exceptions.JedisAccessControlException;

/** Jedis and Lettuce over TLS, as a user with a password. */
public final class UsersProgram {
    private static final File AUTHORITY = new File(System.getenv("REDIS_SSL_CA"));
    private static final String USER = System.getenv("REDIS_USERNAME");
    private static final String PASSWORD = System.getenv("REDIS_PASSWORD");
    private static final HostAndPort ADDRESS = new HostAndPort(Check.HOST, Check.PORT);

    private UsersProgram() {
    }

    public static void main(String[] arguments) throws Exception {
        for (boolean resp3 : new boolean[] {false, true}) {
            String protocol = resp3 ? "RESP3 " : "RESP2 ";
            Check.run(protocol + "Jedis", () -> jedis(resp3));
            Check.run(protocol + "Lettuce", () -> lettuce(resp3 ? ProtocolVersion.RESP3 : ProtocolVersion.RESP2));
        }
        System.exit(0);
    }

    private static SSLSocketFactory trusting() throws Exception {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        try (InputStream file = new FileInputStream(AUTHORITY)) {
            store.setCertificateEntry("ca", CertificateFactory.getInstance("X.509").generateCertificate(file));
        }
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(store);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, trust.getTrustManagers(), null);
        return context.getSocketFactory();
    }

    private static JedisClientConfig config(boolean resp3, String user, String password) throws Exception {
        DefaultJedisClientConfig.Builder builder = DefaultJedisClientConfig.builder().ssl(true)
                .sslSocketFactory(trusting()).user(user).password(password)
                .socketTimeoutMillis(Check.PATIENCE * 1000);
        return (resp3 ? builder.resp3() : builder).build();
    }

    private static void jedis(boolean resp3) throws Exception {
        JedisClientConfig right = config(resp3, USER, PASSWORD);
        try (Jedis jedis = new Jedis(ADDRESS, right); JedisCluster cluster = new JedisCluster(Set.of(ADDRESS), right)) {
            Check.same("SET", jedis.set("k", "v"), "OK");
            Check.same("user", jedis.aclWhoAmI(), USER);
            Check.refused("FLUSHALL", JedisAccessControlException.class, "NOPERM ", jedis::flushAll);
            Check.same("GET", cluster.get("k"), "v");
            Check.refused("SORT", JedisAccessControlException.class, "NOPERM ", () -> cluster.sort("k"));
        }
        Check.refused("AUTH", JedisAccessControlException.class, "WRONGPASS ",
                () -> new Jedis(ADDRESS, config(resp3, USER, "wrong")).get("k"));
        Check.refused("AUTH", JedisAccessControlException.class, "WRONGPASS ",
                () -> new Jedis(ADDRESS, config(resp3, "nobody", PASSWORD)).get("k"));
    }

    private static void lettuce(ProtocolVersion protocol) throws Exception {
        RedisURI right = RedisURI.builder().withHost(Check.HOST).withPort(Check.PORT).withSsl(true)
                .withAuthentication(USER, PASSWORD).withTimeout(Duration.ofSeconds(Check.PATIENCE)).build();
        RedisClient client = RedisClient.create();
        client.setOptions(ClusterClientOptions.builder().protocolVersion(protocol)
                .sslOptions(SslOptions.builder().trustManager(AUTHORITY).build()).build());
        try (StatefulRedisConnection<String, String> connection = client.connect(right)) {
            RedisCommands<String, String> sync = connection.sync();
            Check.same("SET", sync.set("k", "v"), "OK");
            Check.same("user", sync.aclWhoami(), USER);
            Check.refused("FLUSHALL", RedisCommandExecutionException.class, "NOPERM ", sync::flushall);
            Check.same("GET", sync.get("k"), "v");
        }
        RedisURI wrong = RedisURI.builder(right).withAuthentication(USER, "wrong").build();
        try {
            client.connect(wrong).close();
            throw new AssertionError("a wrong password is not refused");
        } catch (RedisConnectionException refused) {
            Check.that("the reason: " + refused.getCause(), refused.getCause().getMessage().startsWith("WRONGPASS "));
        }
        client.shutdown(Duration.ZERO, Duration.ofSeconds(1));
    }
}
