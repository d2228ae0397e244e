// Replication of a simulated Redis: the stream that it gives (replication.c of Redis 7.0: replicationFeedSlaves,
// masterTryPartialResynchronization), and the master that it follows (syncWithMaster).
#include <charconv>
#include <utility>

#include "core/resp/integer.h"
#include "core/resp/reply.h"
#include "core/resp/words.h"
#include "tests/simulation/sim_redis.h"

namespace holdfast::simulation {
namespace {

constexpr std::string_view kMulti = "*1\r\n$5\r\nMULTI\r\n";
constexpr std::string_view kExec = "*1\r\n$4\r\nEXEC\r\n";

}  // namespace

// The effects of one command or one transaction.
void SimRedis::propagate(const std::vector<SimEffect>& effects, bool from_exec) {
  if (effects.empty() || following_) return;
  const bool together = effects.size() > 1 || (options_.dialect.old && from_exec);
  if (together) {
    if (options_.dialect.select_before_multi) {
      feed(effects.front().db, kMulti);
    } else {
      feed_raw(kMulti);
    }
  }
  for (const SimEffect& effect : effects) feed(effect.db, effect.bytes);
  if (together) feed_raw(kExec);
}

void SimRedis::feed(int db, std::string_view bytes) {
  if (!has_backlog_) return;
  if (stream_db_ != db) {
    std::string select;
    append_request(&select, {"SELECT", std::to_string(db)});
    feed_raw(select);
    stream_db_ = db;
  }
  feed_raw(bytes);
}

void SimRedis::feed_raw(std::string_view bytes) {
  if (!has_backlog_) return;
  offset_ += static_cast<int64_t>(bytes.size());
  backlog_.append(bytes);
  if (backlog_.size() > 2 * options_.backlog_bytes) backlog_.erase(0, backlog_.size() - options_.backlog_bytes);
  for (const auto& [id, client] : clients_) {
    if (!client->replica) continue;
    (client->waits_for_rdb ? client->held : client->stream_out).append(bytes);
  }
}

void SimRedis::admin_psync(const ClientPtr& client, const Argv& argv, std::string* reply) {
  if (following_) return append_error(reply, "NOMASTERLINK Can't SYNC while not connected with my master");
  const std::optional<int64_t> from = argv.size() == 3 ? parse_integer(argv[2]) : std::nullopt;
  if (from && continue_stream(client, std::string(argv[1]), *from)) {
    coverage_->count("redis: +CONTINUE");
    return;
  }
  full_sync(client);
}

bool SimRedis::continue_stream(const ClientPtr& client, const std::string& replid, int64_t from) {
  const bool mine = replid == replid_ || (replid == replid2_ && from <= second_offset_);
  const int64_t first = offset_ - static_cast<int64_t>(std::min(backlog_.size(), options_.backlog_bytes)) + 1;
  if (!mine || !has_backlog_ || from < first || from > offset_ + 1) return false;
  client->out += "+CONTINUE " + replid_ + "\r\n";
  client->out += backlog_.substr(backlog_.size() - static_cast<size_t>(offset_ + 1 - from));
  client->replica = true;
  return true;
}

// The RDB is made at some moment after the request; the stream since then follows it.
void SimRedis::full_sync(const ClientPtr& client) {
  coverage_->count("redis: full sync");
  clock_->in(rng_->between(0, 50 * kMs), [this, client, life = life_] {
    if (client->closing || life != life_ || !clients_.contains(client->id)) return;
    if (!has_backlog_) {
      has_backlog_ = true;
      replid_ = rng_->hex(40);
      replid2_.clear();
      offset_++;
    }
    stream_db_ = -1;
    client->replica = client->waits_for_rdb = true;
    client->stream->send(1, "+FULLRESYNC " + replid_ + " " + std::to_string(offset_) + "\r\n");
    clock_->in(rng_->between(0, 50 * kMs), [this, client, rdb = save()] {
      if (client->closing || !clients_.contains(client->id)) return;
      client->stream->send(1, "\n$" + std::to_string(rdb.size()) + "\r\n" + rdb);
      client->waits_for_rdb = false;
      client->stream_out.insert(0, std::exchange(client->held, {}));
      send_all();
    });
  });
}

void SimRedis::admin_replconf(const ClientPtr&, const Argv& argv, std::string* reply) {
  if (argv.size() >= 2 && same_word(argv[1], "ACK")) return;
  append_simple(reply, "OK");
}

void SimRedis::drop_replicas() {
  for (const auto& [id, client] : std::map<uint64_t, ClientPtr>(clients_)) {
    if (client->replica) drop(client);
  }
}

void SimRedis::admin_replicaof(const ClientPtr&, const Argv& argv, std::string* reply) {
  append_simple(reply, "OK");
  if (same_word(argv[1], "NO") && same_word(argv[2], "ONE")) {
    if (following_) promote();
    return;
  }
  follow(std::string(argv[1]), static_cast<int>(parse_integer(argv[2]).value_or(0)));
}

void SimRedis::follow(const std::string& host, int port) {
  if (following_ && host == master_host_ && port == master_port_) return;
  drop_replicas();
  master_host_ = host;
  master_port_ = port;
  following_ = true;
  master_lost();
}

void SimRedis::promote() {
  following_ = false;
  master_life_++;
  if (master_) std::exchange(master_, nullptr)->close(1);
  sync_ = Sync::kNone;
  drop_replicas();
  replid2_ = replid_;
  second_offset_ = offset_ + 1;
  replid_ = rng_->hex(40);
  stream_db_ = -1;
  master_queue_.clear();
  master_multi_ = false;
  coverage_->count("redis: promoted");
}

void SimRedis::master_lost() {
  if (master_) std::exchange(master_, nullptr)->close(1);
  sync_ = Sync::kNone;
  const uint64_t master_life = ++master_life_;
  clock_->in(rng_->between(1 * kMs, 1 * kSecond), [this, master_life] {
    if (master_life == master_life_ && following_) connect_to_master();
  });
}

void SimRedis::connect_to_master() {
  master_ = connect_(master_host_, master_port_);
  if (!master_) return master_lost();
  master_input_.clear();
  master_parser_ = RequestParser();
  sync_ = Sync::kPong;
  const uint64_t master_life = master_life_;
  master_->attach(1, {[this, master_life](std::string_view data) {
                        if (master_life == master_life_) on_master_data(data);
                      },
                      [this, master_life] {
                        if (master_life == master_life_) master_lost();
                      }});
  master_->send(1, "*1\r\n$4\r\nPING\r\n");
}

void SimRedis::on_master_data(std::string_view data) {
  master_input_.append(data);
  if (clock_->now_us() < hangs_until_us_) return;
  while (master_ && !master_input_.empty()) {
    size_t consumed = 0;
    if (sync_ == Sync::kStream) {
      if (master_parser_.parse(master_input_) != RequestParser::Status::kComplete) return;
      consumed = master_parser_.consumed();
      if (!master_parser_.argv().empty()) {
        master_command(master_parser_.argv(), std::string_view(master_input_).substr(0, consumed));
      }
    } else if (sync_ == Sync::kRdb) {
      if (master_input_.size() < rdb_bytes_) return;
      RdbExtra extra;
      std::optional<Dataset> loaded =
          load_rdb(std::string_view(master_input_).substr(0, rdb_bytes_), options_.databases, &extra);
      if (!loaded) return master_lost();
      data_ = std::move(*loaded);
      offset_ = master_read_;
      has_backlog_ = true;
      backlog_.clear();
      replid2_.clear();
      consumed = rdb_bytes_;
      sync_ = Sync::kStream;
      master_db_ = 0;
      master_multi_ = false;
      master_queue_.clear();
    } else {
      const size_t end = master_input_.find("\r\n");
      if (end == std::string::npos) return;
      consumed = end + 2;
      if (!master_line(std::string_view(master_input_).substr(0, end))) return master_lost();
    }
    master_input_.erase(0, consumed);
  }
}

bool SimRedis::master_line(std::string_view line) {
  auto say = [this](const Argv& argv) {
    std::string bytes;
    append_request(&bytes, argv);
    master_->send(1, std::move(bytes));
  };
  switch (sync_) {
    case Sync::kPong:
      if (line != "+PONG") return false;
      say({"REPLCONF", "listening-port", "6379"});
      sync_ = Sync::kConf;
      return true;
    case Sync::kConf:
      if (line != "+OK") return false;
      say({"PSYNC", replid_, std::to_string(offset_ + 1)});
      sync_ = Sync::kPsync;
      return true;
    case Sync::kPsync: {
      constexpr std::string_view kFull = "+FULLRESYNC ";
      if (!line.starts_with(kFull) || line.size() < kFull.size() + 42) return false;
      replid_ = line.substr(kFull.size(), 40);
      master_read_ = parse_integer(line.substr(kFull.size() + 41)).value_or(0);
      sync_ = Sync::kRdbLength;
      return true;
    }
    case Sync::kRdbLength:
      if (line.empty() || line[0] != '$') return false;
      rdb_bytes_ = static_cast<size_t>(parse_integer(line.substr(1)).value_or(0));
      sync_ = Sync::kRdb;
      return true;
    default: return false;
  }
}

void SimRedis::master_command(const Argv& argv, std::string_view raw) {
  master_read_ += static_cast<int64_t>(raw.size());
  backlog_.append(raw);
  auto run = [this](const Argv& command) {
    if (same_word(command[0], "SELECT")) {
      master_db_ = static_cast<int>(parse_integer(command[1]).value_or(0));
      return;
    }
    bool arity_fits = true;
    if (!SimCommands::knows(command[0], command.size(), &arity_fits) || !arity_fits) return;
    std::string reply;
    std::vector<SimEffect> effects;
    commands_.run({&data_, master_db_, clock_->unix_ms(), true, true}, command, &reply, &effects);
  };
  if (same_word(argv[0], "REPLCONF") && argv.size() == 3 && same_word(argv[1], "GETACK")) {
    offset_ = master_read_;
    return ack_master();
  }
  if (same_word(argv[0], "MULTI")) {
    master_multi_ = true;
  } else if (same_word(argv[0], "EXEC")) {
    for (const std::string& queued : std::exchange(master_queue_, {})) {
      RequestParser parser;
      parser.parse(queued);
      run(parser.argv());
    }
    master_multi_ = false;
  } else if (master_multi_) {
    master_queue_.emplace_back(raw);
  } else {
    run(argv);
  }
  if (!master_multi_) offset_ = master_read_;
}

void SimRedis::ack_master() {
  if (!master_ || sync_ != Sync::kStream) return;
  std::string bytes;
  append_request(&bytes, {"REPLCONF", "ACK", std::to_string(offset_)});
  master_->send(1, std::move(bytes));
}

}  // namespace holdfast::simulation
