// A whole shard between a Redis that lies, a log in which others write, and clients: in the world of the simulation,
// where all that Redis sends may be changed on its way and all that stands in the log may be damaged or forged.
// Nothing crashes; a write is confirmed only if the log holds it; who cannot go on says why; and a sound Redis is
// served again in the end, unless it was said why not.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/check.h"
#include "core/record/record.h"
#include "core/resp/reply.h"
#include "tests/fuzz/forged.h"
#include "tests/fuzz/fuzz.h"
#include "tests/simulation/sim_world.h"

namespace holdfast::fuzz {

namespace {

using simulation::Coverage;
using simulation::kMs;
using simulation::kSecond;
using simulation::Rng;
using simulation::SimClock;
using simulation::SimStream;
using simulation::SimWorld;
using simulation::SimWorldOptions;

constexpr std::string_view kWrongReplies[] = {
    "+OK\r\n",
    "+QUEUED\r\n",
    "-ERR no\r\n",
    "-NOPERM no\r\n",
    "-EXECABORT Transaction discarded because of: OOM command not allowed\r\n",
    "-LOADING Redis is loading\r\n",
    "-BUSY Redis is busy\r\n",
    "*-1\r\n",
    "$-1\r\n",
    "_\r\n",
    "*0\r\n",
    "*1\r\n+OK\r\n",
    "*3\r\n$6\r\nmaster\r\n:9999999\r\n*0\r\n",
    "*3\r\n$6\r\nmaster\r\n:-1\r\n*0\r\n",
    "*2\r\n*1\r\n+OK\r\n-ERR\r\n",
    ">3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nb\r\n",
    ":9223372036854775807\r\n",
    "$3\r\nabc\r\n",
    "%1\r\n+a\r\n+b\r\n",
    "+CONTINUE\r\n",
    "+FULLRESYNC 0123456789012345678901234567890123456789 100\r\n$1\r\nx",
    "*1\r\n$5\r\nMULTI\r\n",
    "*1\r\n$4\r\nEXEC\r\n",
    "*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n",
    "*2\r\n$3\r\nDEL\r\n$15\r\nholdfast:marker\r\n",
    "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n",
    "*1\r\n$8\r\nFLUSHALL\r\n",
    "*3\r\n$7\r\nPUBLISH\r\n$1\r\na\r\n$1\r\nb\r\n",
};

SimWorldOptions world_options(uint8_t choice) {
  SimWorldOptions options;
  options.check_tokens = false;
  options.log.timeout_us = 200 * kMs;
  options.log.max_entry_bytes = choice & 1 ? 16'000 : 1 << 20;
  options.redis.dialect.old = choice & 2;
  if (choice & 4) options.redis.password = "secret";
  if (choice & 8) options.redis.eviction = simulation::SimRedisOptions::Eviction::kAll;
  options.shard.redis_password = options.redis.password;
  options.shard.discard_redis_data = choice & 16;
  options.shard.write_timeout_ms = options.shard.read_timeout_ms = 1000;
  options.shard.attach_timeout_ms = 3000;
  return options;
}

// Notes why a process ended.
class HostileWorld : public SimWorld {
 public:
  using SimWorld::SimWorld;

  std::string reason;

  void fatal(const std::string& why) override {
    HOLDFAST_CHECK(!why.empty());
    reason = why;
    note(Level::kError, why);
    SimWorld::fatal(why);
  }
  // With HOLDFAST_FUZZ_NOTES in the environment: for who looks into a failure.
  void note(Level, const std::string& text) override {
    static const bool kShown = std::getenv("HOLDFAST_FUZZ_NOTES") != nullptr;
    if (kShown) std::fprintf(stderr, "%s\n", text.c_str());
  }
};

// Writes a value of its own with each request, and looks whether what was confirmed is in the log.
class Witness {
 public:
  Witness(HostileWorld* world) : world_(world) {}

  void write() {
    if (!stream_) connect();
    if (!stream_) return;
    const std::string value = "witness" + std::to_string(++written_) + ";";
    std::string bytes;
    append_request(&bytes, {"SET", "witness", value});
    expected_.push_back(value);
    stream_->send(0, std::move(bytes));
  }

  uint64_t confirmed() const { return confirmed_; }
  // The log is no longer what it was told to be: nothing can be said any more.
  void log_was_damaged() { log_counts_ = false; }

 private:
  void connect() {
    SessionId session = 0;
    stream_ = world_->connect_client(false, &session);
    if (!stream_) return;
    input_.clear();
    framer_ = ReplyFramer();
    expected_.clear();
    const uint64_t connection = ++connection_;
    stream_->attach(0, {[this, connection](std::string_view data) {
                          if (connection == connection_) on_data(data);
                        },
                        [this, connection] {
                          if (connection == connection_) stream_.reset();
                        }});
  }

  void on_data(std::string_view data) {
    input_.append(data);
    while (!input_.empty() && framer_.next(input_) == ReplyFramer::Status::kComplete) {
      HOLDFAST_CHECK(!expected_.empty());
      if (input_.starts_with("+OK")) {
        confirmed_++;
        HOLDFAST_CHECK(!log_counts_ || holds(expected_.front()));
      }
      expected_.pop_front();
      input_.erase(0, framer_.consumed());
    }
  }

  bool holds(const std::string& value) const {
    Chain chain;
    for (const LogEntry& entry : world_->sim_log().entries()) {
      const Chain::Verdict verdict = chain.next(entry);
      if (verdict == Chain::Verdict::kDamaged) return false;
      if (verdict == Chain::Verdict::kCounts && chain.record().value.find(value) != std::string::npos) return true;
    }
    return false;
  }

  HostileWorld* world_;
  std::shared_ptr<SimStream> stream_;
  uint64_t connection_ = 0;
  std::string input_;
  ReplyFramer framer_;
  std::deque<std::string> expected_;
  uint64_t written_ = 0, confirmed_ = 0;
  bool log_counts_ = true;
};

// Bytes are a client's, but for those from 0xf0 on: each is an event, some with bytes or lines behind it.
class Hostility {
 public:
  explicit Hostility(std::string_view bytes)
      : rest_(bytes),
        options_(world_options(byte())),
        rng_(byte()),
        world_(&clock_, &rng_, &coverage_, options_),
        witness_(&world_) {
    world_.set_tamper([this](std::string_view from, std::string* data) { tamper(from, data); });
  }

  void run() {
    world_.start_proxy();
    for (int left = 400; !rest_.empty() && left > 0; left--) {
      const auto first = static_cast<unsigned char>(rest_.front());
      if (first < 0xf0) {
        talk();
      } else {
        rest_.remove_prefix(1);
        event(first & 0x0f);
      }
      pass(500);
    }
    come_to_rest();
  }

 private:
  struct Change {
    uint8_t how;
    std::string bytes;
  };

  uint8_t byte() {
    if (rest_.empty()) return 0;
    const auto value = static_cast<uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return value;
  }

  void pass(int64_t us) {
    const int64_t until = clock_.now_us() + us;
    bool due = false;
    clock_.at(until, [&due] { due = true; });
    while (!due) clock_.step();
  }

  void talk() {
    size_t end = 0;
    while (end < rest_.size() && static_cast<unsigned char>(rest_[end]) < 0xf0) end++;
    std::shared_ptr<SimStream>& client = clients_[current_];
    if (!client || !client->open(0)) {
      SessionId session = 0;
      client = world_.connect_client(false, &session);
    }
    if (client) client->send(0, std::string(rest_.substr(0, end)));
    rest_.remove_prefix(end);
  }

  void event(int which) {
    switch (which) {
      case 0:
      case 1: current_ = static_cast<size_t>(which); break;
      case 2:
        if (clients_[current_]) clients_[current_]->close(0);
        clients_[current_].reset();
        break;
      case 3: pass(byte() * 10 * kMs); break;
      case 4:
      case 5:
      case 6:
      case 7:
        plan_change(which == 4 ? "main" : which == 5 ? "tap" : which == 6 ? "feed" : byte() & 1 ? "aside" : "events");
        break;
      case 8: forge(); break;
      case 9: damage(); break;
      case 10: hurt_redis(byte()); break;
      case 11: world_.crash_proxy(byte() % 12, 10 * kMs); break;
      case 12:
        world_.sim_log().set_fault_rate((byte() & 3) * 0.05);
        world_.sim_log().go_away((byte() & 7) * 100 * kMs);
        break;
      case 13: world_.drain_proxy(10 * kMs); break;
      default: witness_.write(); break;
    }
  }

  void plan_change(const char* from) {
    Change change{byte(), {}};
    if (change.how % 8 < 4) {
      const size_t wanted = byte(), size = std::min(wanted, rest_.size());
      change.bytes = rest_.substr(0, size);
      rest_.remove_prefix(size);
    } else {
      change.bytes = kWrongReplies[byte() % std::size(kWrongReplies)];
    }
    changes_[from].push_back(std::move(change));
  }

  void tamper(std::string_view from, std::string* data) {
    const auto it = changes_.find(std::string(from));
    if (it == changes_.end() || it->second.empty()) return;
    const Change change = std::move(it->second.front());
    it->second.pop_front();
    switch (change.how % 8) {
      case 0:
      case 4: *data = change.bytes; break;
      case 1:
      case 5: data->insert(0, change.bytes); break;
      case 2:
      case 6: data->append(change.bytes); break;
      case 3: data->insert(change.how % (data->size() + 1), change.bytes); break;
      default: Random random(change.how); mutate(&random, data);
    }
  }

  // Two lines, header and value, as an entry at the log's end. "!" in the value stands for a line end of RESP, and in
  // the header's place the last one's is repeated.
  void forge() {
    std::string header(take_line(&rest_)), value(take_line(&rest_));
    for (size_t at = 0; (at = value.find('!', at)) != std::string::npos; at += 2) value.replace(at, 1, "\r\n");
    std::vector<LogEntry>* entries = world_.sim_log().damage();
    Chain chain;
    for (const LogEntry& entry : *entries) {
      if (chain.next(entry) == Chain::Verdict::kDamaged) break;
    }
    const ChainState& state = chain.state();
    replace(&header, "e=!", "e=" + std::to_string(state.epoch));
    replace(&header, "e=+", "e=" + std::to_string(state.epoch + 1));
    replace(&header, "q=!", "q=" + std::to_string(state.sequence + 1));
    if (header == "!" && !entries->empty()) header = entries->back().header;
    entries->push_back({static_cast<Position>(entries->size()), with_checksum(header, value, state.check), value});
  }
  static void replace(std::string* text, std::string_view what, const std::string& with) {
    if (const size_t at = text->find(what); at != std::string::npos) text->replace(at, what.size(), with);
  }

  void damage() {
    std::vector<LogEntry>* entries = world_.sim_log().damage();
    const uint8_t how = byte(), which = byte();
    if (entries->empty()) return;
    witness_.log_was_damaged();
    LogEntry& entry = (*entries)[which % entries->size()];
    Random random(how);
    switch (how % 4) {
      case 0: mutate(&random, &entry.header); break;
      case 1: mutate(&random, &entry.value); break;
      case 2: std::swap(entry.value, entries->front().value); break;
      default: entries->resize(which % entries->size());
    }
  }

  void hurt_redis(uint8_t how) {
    if (!world_.redis().up()) return;
    switch (how % 5) {
      case 0: world_.redis().kill(5 * kMs, "", false); break;
      case 1: world_.redis().kill(5 * kMs, world_.redis().save(), how & 32); break;
      case 2: world_.redis().hang((how & 15) * 100 * kMs); break;
      case 3: world_.cut_link(how & 32 ? Link::kMain : Link::kTap); break;
      default: world_.redis().cut_connections();
    }
  }

  // A sound Redis that holds nothing, no more tampering, a proxy made anew.
  void come_to_rest() {
    changes_.clear();
    for (std::shared_ptr<SimStream>& client : clients_) {
      if (client) client->close(0);
    }
    world_.sim_log().set_fault_rate(0);
    world_.sim_log().come_back();
    if (world_.redis().up()) world_.redis().kill(5 * kMs, "", false);
    world_.crash_proxy(0, 10 * kMs);
    pass(100 * kMs);
    world_.reason.clear();
    const uint64_t before = witness_.confirmed();
    for (int rounds = 0; rounds < 200 && world_.reason.empty() && witness_.confirmed() == before; rounds++) {
      pass(50 * kMs);
      if (rounds % 10 == 9) witness_.write();
    }
    HOLDFAST_CHECK(!world_.reason.empty() || witness_.confirmed() > before);
  }

  std::string_view rest_;
  const SimWorldOptions options_;
  SimClock clock_;
  Rng rng_;
  Coverage coverage_;
  HostileWorld world_;
  Witness witness_;
  std::shared_ptr<SimStream> clients_[2];
  size_t current_ = 0;
  std::map<std::string, std::deque<Change>> changes_;
};

void fuzz_shard(std::string_view bytes) {
  const size_t before = live_bytes();
  Hostility hostility(bytes);
  hostility.run();
  HOLDFAST_CHECK(live_bytes() - before <= 200 * bytes.size() + (16U << 20));
}

const Registration kShard("shard", fuzz_shard);

}  // namespace

}  // namespace holdfast::fuzz
