#include "tests/simulation/sim_redis.h"

#include <algorithm>
#include <utility>

#include "core/record/record.h"
#include "core/resp/reply.h"
#include "core/resp/words.h"

namespace holdfast::simulation {

static constexpr std::string_view kMisconf = "MISCONF Errors writing to the AOF file: No space left on device";
static constexpr std::string_view kOutOfMemory = "OOM command not allowed when used memory > 'maxmemory'.";

SimRedis::SimRedis(SimClock* clock, Rng* rng, Coverage* coverage, SimRedisOptions options, Connect connect)
    : clock_(clock),
      rng_(rng),
      coverage_(coverage),
      options_(std::move(options)),
      connect_(std::move(connect)),
      commands_(options_.dialect, rng, coverage),
      data_(options_.databases) {
  reset_identity();
}

void SimRedis::reset_identity() {
  life_++;
  run_id_ = rng_->hex(40);
  users_ = {{"default", {"on", "nopass", "~*", "&*", "+@all"}}};
  replid_ = rng_->hex(40);
  replid2_.clear();
  offset_ = 0;
  second_offset_ = -1;
  has_backlog_ = false;
  backlog_.clear();
  stream_db_ = -1;
  hangs_until_us_ = 0;
  appends_ = true;
  denies_ = false;
  following_ = false;
  master_life_++;
  master_.reset();
  sync_ = Sync::kNone;
}

void SimRedis::accept(std::shared_ptr<SimStream> stream) {
  auto client = std::make_shared<Client>();
  client->id = next_client_++;
  client->stream = stream;
  client->authenticated = options_.password.empty();
  clients_.emplace(client->id, client);
  // The stream does not own the client, which owns the stream.
  const std::weak_ptr<Client> weak = client;
  stream->attach(1, {[this, weak](std::string_view data) {
                       if (const ClientPtr there = weak.lock()) on_data(there, data);
                     },
                     [this, weak] {
                       if (const ClientPtr there = weak.lock()) on_closed(there);
                     }});
}

void SimRedis::on_closed(const ClientPtr& client) { clients_.erase(client->id); }

void SimRedis::drop(const ClientPtr& client) {
  clients_.erase(client->id);
  client->closing = true;
  client->stream->close(1);
}

void SimRedis::kill(int64_t down_us, std::string rdb, bool keep_stream) {
  up_ = false;
  for (const auto& [id, client] : std::exchange(clients_, {})) {
    client->closing = true;
    client->stream->cut();
  }
  if (master_) master_->cut();
  reset_identity();
  RdbExtra extra;
  Dataset data(options_.databases);
  if (!rdb.empty()) data = *load_rdb(rdb, options_.databases, &extra);
  data_ = Dataset(options_.databases);
  clock_->in(down_us, [this, data = std::move(data), extra, keep_stream, life = life_] {
    if (life != life_) return;
    data_ = data;
    up_ = true;
    if (keep_stream && !extra.replid.empty()) {
      replid2_ = extra.replid;
      offset_ = extra.offset;
      second_offset_ = extra.offset + 1;
      has_backlog_ = true;
    }
    // A leader that starts does not load what has expired.
    for (int db = 0; db < options_.databases; db++) {
      for (auto it = data_[db].begin(); it != data_[db].end();) {
        const bool gone = it->second.expires_ms != kNoExpiry && it->second.expires_ms <= clock_->unix_ms();
        if (gone) {
          std::string del;
          append_request(&del, {"DEL", it->first});
          if (keep_stream) feed(db, del);
        }
        it = gone ? data_[db].erase(it) : std::next(it);
      }
    }
  });
}

void SimRedis::hang(int64_t us) {
  hangs_until_us_ = clock_->now_us() + us;
  clock_->at(hangs_until_us_, [this, life = life_] {
    if (life != life_ || clock_->now_us() < hangs_until_us_) return;
    for (const auto& [id, client] : std::map<uint64_t, ClientPtr>(clients_)) process(client);
    on_master_data({});
  });
}

void SimRedis::cut_connections() {
  for (const auto& [id, client] : clients_) {
    if (rng_->chance(0.7)) client->stream->cut();
  }
  if (master_ && rng_->chance(0.5)) master_->cut();
}

void SimRedis::on_data(const ClientPtr& client, std::string_view data) {
  if (client->closing) return;
  client->input.append(data);
  process(client);
}

void SimRedis::process(const ClientPtr& client) {
  if (clock_->now_us() < hangs_until_us_) return;
  while (!client->closing && !client->input.empty()) {
    const RequestParser::Status status = client->parser.parse(client->input);
    if (status == RequestParser::Status::kIncomplete) break;
    if (status == RequestParser::Status::kError) {
      drop(client);
      break;
    }
    const size_t consumed = client->parser.consumed();
    if (!client->parser.argv().empty()) request(client, client->parser.argv(), client->parser.canonical());
    client->input.erase(0, consumed);
  }
  send_all();
}

// Replies and the stream take different ways.
void SimRedis::send_all() {
  for (const auto& [id, client] : clients_) {
    if (!client->out.empty()) client->stream->send(1, std::exchange(client->out, {}));
    if (!client->stream_out.empty()) client->stream->send(1, std::exchange(client->stream_out, {}));
  }
}

// The disk is full, has room again, and somebody switches the AOF on again.
void SimRedis::meet_disk() {
  if (options_.denial_rate == 0) return;
  if (denies_ && rng_->chance(0.02)) {
    denies_ = false;
  } else if (!appends_) {
    appends_ = rng_->chance(0.01);
  } else if (!denies_) {
    denies_ = rng_->chance(options_.denial_rate);
  }
}

void SimRedis::request(const ClientPtr& client, const Argv& argv, std::string_view raw) {
  std::string* reply = &client->out;
  bool arity_fits = true;
  const bool known = SimCommands::knows(argv[0], argv.size(), &arity_fits);
  const bool steers = same_word(argv[0], "MULTI") || same_word(argv[0], "EXEC") || same_word(argv[0], "DISCARD");
  const AdminEntry* admin = find_admin(argv[0]);
  std::string refusal;
  if (!client->authenticated && !same_word(argv[0], "AUTH")) {
    refusal = "NOAUTH Authentication required.";
  } else if (!known && admin == nullptr) {
    refusal = "ERR unknown command '" + std::string(argv[0]) + "', with args beginning with: ";
  } else if (!arity_fits) {
    refusal = "ERR wrong number of arguments for '" + std::string(argv[0]) + "' command";
  } else if (following_ && (SimCommands::writes(argv[0]) || same_word(argv[0], "EVAL"))) {
    refusal = "READONLY You can't write against a read only replica.";
  } else if (denies_ && !following_ && SimCommands::writes(argv[0])) {
    coverage_->count("redis: a write denied");
    refusal = kMisconf;
  }
  if (!refusal.empty()) {
    if (client->in_multi) client->dirty = true;
    return append_error(reply, refusal);
  }
  evict();
  if (client->in_multi && !steers && known && client->full && rng_->chance(0.5)) {
    coverage_->count("redis: a command not queued, out of memory");
    client->dirty = true;
    return append_error(reply, kOutOfMemory);
  }
  if (client->in_multi && !steers) {
    client->queue.emplace_back(raw);
    return append_simple(reply, "QUEUED");
  }
  if (same_word(argv[0], "MULTI")) {
    if (client->in_multi) return append_error(reply, "ERR MULTI calls can not be nested");
    meet_disk();
    client->in_multi = true;
    client->full = options_.full_rate > 0 && rng_->chance(options_.full_rate);
    append_simple(reply, "OK");
  } else if (same_word(argv[0], "DISCARD")) {
    client->in_multi = client->dirty = false;
    client->queue.clear();
    append_simple(reply, "OK");
  } else if (same_word(argv[0], "EXEC")) {
    meet_disk();
    exec(client.get());
  } else if (known) {
    std::vector<SimEffect> effects;
    call(client.get(), argv, reply, &effects);
    propagate(effects, false);
  } else {
    (this->*admin_handler(admin))(client, argv, reply);
  }
}

void SimRedis::call(Client* client, const Argv& argv, std::string* reply, std::vector<SimEffect>* effects) {
  const size_t before = effects->size();
  commands_.run({&data_, client->db, clock_->unix_ms(), false, following_, client->protocol}, argv, reply, effects);
  const bool more = effects->size() > before + 1 || (effects->size() > before && same_word(argv[0], "SPOP"));
  if (more && observer_) observer_();
}

void SimRedis::exec(Client* client) {
  if (!client->in_multi) return append_error(&client->out, "ERR EXEC without MULTI");
  client->in_multi = false;
  const std::vector<std::string> queue = std::exchange(client->queue, {});
  if (client->full && observer_) observer_();
  if (std::exchange(client->dirty, false)) {
    return append_error(&client->out, "EXECABORT Transaction discarded because of previous errors.");
  }
  if (client->full) {
    coverage_->count("redis: EXEC refused, out of memory");
    return append_error(&client->out, "EXECABORT Transaction discarded because of: " + std::string(kOutOfMemory));
  }
  const bool writes = std::any_of(queue.begin(), queue.end(), [](const std::string& raw) {
    RequestParser parser;
    parser.parse(raw);
    return SimCommands::writes(parser.argv()[0]);
  });
  if (denies_ && writes && !following_) {
    coverage_->count("redis: EXEC denied");
    return append_error(&client->out, "EXECABORT Transaction discarded because of: " + std::string(kMisconf));
  }
  append_array_header(&client->out, queue.size());
  std::vector<SimEffect> effects;
  for (const std::string& raw : queue) {
    RequestParser parser;
    parser.parse(raw);
    bool arity_fits = true;
    if (SimCommands::knows(parser.argv()[0], parser.argv().size(), &arity_fits)) {
      call(client, parser.argv(), &client->out, &effects);
    } else {
      (this->*admin_handler(find_admin(parser.argv()[0])))(clients_.at(client->id), parser.argv(), &client->out);
    }
  }
  propagate(effects, true);
}

void SimRedis::set_background(bool on) {
  if (std::exchange(background_, on) == on || !on) return;
  background();
}

void SimRedis::background() {
  if (!background_) return;
  if (up_ && clock_->now_us() >= hangs_until_us_) {
    if (!following_) {
      if (rng_->chance(0.6)) expire_some();
      if (has_backlog_ && rng_->chance(0.1)) feed_raw("*1\r\n$4\r\nPING\r\n");
    }
    ack_master();
    send_all();
  }
  clock_->in(rng_->between(1 * kMs, 200 * kMs), [this] { background(); });
}

void SimRedis::expire_some() {
  std::string_view removal = options_.dialect.unlink ? "UNLINK" : "DEL";
  for (int db = 0; db < options_.databases; db++) {
    for (auto it = data_[db].begin(); it != data_[db].end();) {
      const bool gone = it->second.expires_ms != kNoExpiry && it->second.expires_ms <= clock_->unix_ms();
      if (!gone || rng_->chance(0.3)) {
        ++it;
        continue;
      }
      std::string bytes;
      append_request(&bytes, {removal, it->first});
      it = data_[db].erase(it);
      propagate({{db, bytes}}, false);
      coverage_->count("redis: expired by itself");
      if (observer_) observer_();
    }
  }
}

void SimRedis::evict() {
  if (options_.eviction == SimRedisOptions::Eviction::kNone || following_) return;
  while (data_.size() > options_.key_limit) {
    // Any key of any database; the marker, being written all the time, is seldom the one.
    std::vector<std::pair<int, std::string>> candidates;
    for (int db = 0; db < options_.databases; db++) {
      for (const auto& [key, value] : data_[db]) {
        const bool fits = options_.eviction == SimRedisOptions::Eviction::kAll || value.expires_ms != kNoExpiry;
        const bool spared = key == kMarkerKey && !(options_.evict_marker && rng_->chance(0.2));
        if (fits && !spared) candidates.emplace_back(db, key);
      }
    }
    if (candidates.empty()) return;
    const auto& [db, key] = candidates[static_cast<size_t>(rng_->below(static_cast<int64_t>(candidates.size())))];
    std::string bytes;
    append_request(&bytes, {"DEL", key});
    data_[db].erase(key);
    propagate({{db, bytes}}, false);
    if (observer_) observer_();
    coverage_->count(key == kMarkerKey ? "redis: the marker evicted" : "redis: evicted");
  }
}

}  // namespace holdfast::simulation
