#include "config/log_url.h"

#include <doctest/doctest.h>

#include "config/address.h"
#include "config/byte_size.h"

namespace holdfast {

TEST_CASE("the URL of a SQLite log") {
  auto url = parse_log_url("sqlite:/data/holdfast.db");
  REQUIRE(url.ok());
  CHECK(url->kind == LogUrl::Kind::kSqlite);
  CHECK(url->path == "/data/holdfast.db");
  CHECK(to_string(*url) == "sqlite:/data/holdfast.db");
  CHECK(parse_log_url("sqlite:a b.db")->path == "a b.db");
}

TEST_CASE("the URL of a Kafka log") {
  auto url = parse_log_url("kafka://a:9092,[::1]:9093/orders.1/7");
  REQUIRE(url.ok());
  CHECK(url->kind == LogUrl::Kind::kKafka);
  CHECK(url->brokers == "a:9092,[::1]:9093");
  CHECK(url->topic == "orders.1");
  CHECK(url->partition == 7);
  CHECK(to_string(*url) == "kafka://a:9092,[::1]:9093/orders.1/7");

  auto without_partition = parse_log_url("kafka://a:9092/orders");
  REQUIRE(without_partition.ok());
  CHECK(without_partition->partition == 0);
  CHECK(to_string(*without_partition) == "kafka://a:9092/orders");
}

TEST_CASE("what is not the URL of a log is refused with the reason") {
  auto reason = [](const char* text) {
    auto url = parse_log_url(text);
    return url ? std::string("accepted") : url.error();
  };
  CHECK(reason("") == "\"\": a log is named sqlite:PATH or kafka://HOST:PORT,HOST:PORT/TOPIC[/PARTITION]");
  CHECK(reason("holdfast.db").find("a log is named") != std::string::npos);
  CHECK(reason("sqlite:").find("the path is missing") != std::string::npos);
  CHECK(reason("sqlite:///data/x.db").find("sqlite:/PATH for a full path") != std::string::npos);
  CHECK(reason("sqlite::memory:").find("must outlive the process") != std::string::npos);
  CHECK(reason("kafka://a:9092").find("write kafka://") != std::string::npos);
  CHECK(reason("kafka://a:9092/t/0/x").find("write kafka://") != std::string::npos);
  CHECK(reason("kafka://a/t").find("broker \"a\": the port is missing") != std::string::npos);
  CHECK(reason("kafka://a:9092,/t").find("broker \"\"") != std::string::npos);
  CHECK(reason("kafka://a:0/t").find("from 1 to 65535") != std::string::npos);
  CHECK(reason("kafka://a:9092/").find("is not a topic") != std::string::npos);
  CHECK(reason("kafka://a:9092/..").find("is not a topic") != std::string::npos);
  CHECK(reason("kafka://a:9092/t?x=1").find("is not a topic") != std::string::npos);
  CHECK(reason(("kafka://a:9092/" + std::string(250, 't')).c_str()).find("is not a topic") != std::string::npos);
  CHECK(reason(("kafka://a:9092/" + std::string(249, 't')).c_str()) == "accepted");
  for (const char* partition : {"-1", "x", "", "1x", "2147483648"}) {
    CAPTURE(partition);
    CHECK(reason(("kafka://a:9092/t/" + std::string(partition)).c_str()).find("is not a partition") !=
          std::string::npos);
  }
}

TEST_CASE("a password in the URL of a log is not repeated in the message") {
  for (const char* text : {"kafka://user:hush@a:9092/t", "redis://user:hush@a"}) {
    auto url = parse_log_url(text);
    REQUIRE_FALSE(url.ok());
    CHECK(url.error().find("hush") == std::string::npos);
  }
}

TEST_CASE("addresses") {
  for (const char* text : {"127.0.0.1:6379", "redis-0.redis_x:1", "[::]:6379", "[fe80::1%eth0]:65535"}) {
    CAPTURE(text);
    auto address = parse_tcp_address(text, 1);
    REQUIRE(address.ok());
    CHECK(to_string(*address) == text);
  }
  CHECK(parse_tcp_address("[::1]:7", 1)->host == "::1");
  CHECK(parse_tcp_address("a:0", 0)->port == 0);
  for (const char* text : {"", ":", "a", "a:", ":1", "a:0", "a:65536", "a:-1", "a:1x", "a: 1", "::1:6379", "[::1]",
                           "[::1:6379", "[a]:1", "[]:1", "*:1", "a b:1", "300.1.1.1:1", "unix:/x"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_tcp_address(text, 1).ok());
  }
  auto socket = parse_redis_address("unix:/run/redis.sock");
  REQUIRE(socket.ok());
  CHECK(socket->unix_path == "/run/redis.sock");
  CHECK(to_string(*socket) == "unix:/run/redis.sock");
  CHECK_FALSE(parse_redis_address("unix:redis.sock").ok());
  CHECK_FALSE(parse_redis_address("unix:/" + std::string(200, 'x')).ok());
  CHECK(parse_redis_address("a:1").ok());
}

TEST_CASE("which addresses are this machine's own, and which are all of them") {
  auto loopback = [](const char* text) { return parse_redis_address(text)->is_loopback(); };
  auto wildcard = [](const char* text) { return parse_redis_address(text)->is_wildcard(); };
  for (const char* text : {"localhost:1", "127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "[::ffff:127.0.0.1]:1", "unix:/x"}) {
    CAPTURE(text);
    CHECK(loopback(text));
    CHECK_FALSE(wildcard(text));
  }
  for (const char* text : {"redis:1", "10.0.0.1:1", "128.0.0.1:1", "[fe80::1]:1"}) {
    CAPTURE(text);
    CHECK_FALSE(loopback(text));
    CHECK_FALSE(wildcard(text));
  }
  CHECK(wildcard("0.0.0.0:1"));
  CHECK(wildcard("[::]:1"));
}

TEST_CASE("sizes are read as Redis reads them") {
  CHECK(parse_byte_size("0") == 0);
  CHECK(parse_byte_size("1024") == 1024);
  CHECK(parse_byte_size("7b") == 7);
  CHECK(parse_byte_size("1k") == 1000);
  CHECK(parse_byte_size("1kb") == 1024);
  CHECK(parse_byte_size("64MiB") == 64 << 20);
  CHECK(parse_byte_size("3m") == 3000000);
  CHECK(parse_byte_size("3MB") == 3 << 20);
  CHECK(parse_byte_size("2gb") == uint64_t{2} << 30);
  CHECK(parse_byte_size("2G") == 2000000000);
  CHECK(parse_byte_size("9223372036854775807") == INT64_MAX);
  for (const char* text : {"", "-1", "kb", "1.5gb", "1 kb", "1x", "1kbb", "9223372036854775808", "8589934592gb"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_byte_size(text).has_value());
  }
  for (uint64_t bytes : {uint64_t{0}, uint64_t{1000}, uint64_t{1024}, uint64_t{1536}, uint64_t{3} << 30}) {
    CHECK(parse_byte_size(format_byte_size(bytes)) == bytes);
  }
  CHECK(format_byte_size(64 << 20) == "64MiB");
  CHECK(format_byte_size(1000) == "1000");
}

}  // namespace holdfast
