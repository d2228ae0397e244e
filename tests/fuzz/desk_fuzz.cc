// A whole front desk: clients that send anything, in pieces, several at once; a counter that answers when it pleases;
// effects, messages and time in between. Nothing crashes, and what is kept does not grow beyond what was sent.
#include <algorithm>
#include <deque>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/check.h"
#include "core/command/touched.h"
#include "core/shard/frontdesk.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/fake_world.h"

namespace holdfast::fuzz {

namespace {

// As Redis 7.0.15 tells it, but for what Holdfast does not look at.
const CommandTable& redis_table() {
  static const CommandTable kTable = [] {
    std::ifstream file(HOLDFAST_FUZZ_CORPUS "/../commands-7.0.15.resp", std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    Result<ReplyValue> reply = parse_reply(text.str());
    HOLDFAST_CHECK(reply.ok());
    Result<CommandTable> table = CommandTable::from_command_reply(*reply);
    HOLDFAST_CHECK(table.ok());
    return std::move(*table);
  }();
  return kTable;
}

constexpr std::string_view kReplies[] = {"+OK\r\n",
                                         ":1\r\n",
                                         ":0\r\n",
                                         "$1\r\nv\r\n",
                                         "$-1\r\n",
                                         "*-1\r\n",
                                         "_\r\n",
                                         "*0\r\n",
                                         "*2\r\n$1\r\nk\r\n$1\r\nv\r\n",
                                         "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n",
                                         "-NOGROUP No such key\r\n",
                                         "-OOM command not allowed\r\n",
                                         "+stream\r\n",
                                         ":5000\r\n",
                                         "%1\r\n$1\r\nk\r\n$1\r\nv\r\n",
                                         "*1\r\n*2\r\n$1\r\ns\r\n*1\r\n*2\r\n$3\r\n1-1\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n",
                                         "*2\r\n$9\r\nmaxmemory\r\n$1\r\n0\r\n",
                                         "*3\r\n$1\r\nk\r\n$1\r\nm\r\n$1\r\n1\r\n",
                                         "$24\r\n# Server\r\ntcp_port:6379\r\n\r\n",
                                         "-BUSY Redis is busy\r\n"};

class FuzzCounter : public Counter {
 public:
  Frontdesk* desk = nullptr;
  std::deque<std::function<void(uint8_t choice)>> pending;
  Watches watched;
  OwnCalls own;
  MemoryWatch memory{0};
  LiveSettings live{&memory};
  BuildWords build;
  std::string version = "7.0.15", no_reads, no_writes, busy_words;
  const char* wait = nullptr;
  bool writing = false, out_of_memory = false, events_up = true;
  int64_t log_waits = 0;

  static std::string_view reply(uint8_t choice) { return kReplies[choice % std::size(kReplies)]; }
  void answer_one(uint8_t choice) {
    if (pending.empty()) return;
    const auto answer = std::move(pending.front());
    pending.pop_front();
    answer(choice);
  }

  const CommandTable& table() const override { return redis_table(); }
  int databases() const override { return 17; }
  int reserved_database() const override { return 16; }
  const std::string& redis_version() const override { return version; }
  const BuildWords& words() const override { return build; }
  const char* must_wait() const override { return wait; }
  std::string refuse_read() const override { return no_reads; }
  std::string refuse_write() const override { return no_writes; }
  bool over_maxmemory() const override { return out_of_memory; }
  LiveSettings& settings() override { return live; }
  void read(Session*, Waiter waiter, uint64_t, int db, std::string_view command) override {
    HOLDFAST_CHECK(db >= 0 && db < 16 && !command.empty());
    pending.push_back([this, waiter](uint8_t choice) { reply_to(waiter, choice); });
  }
  void write(Session*, Unit unit) override { take(std::move(unit)); }
  void reads_at_once(Session*, std::unique_ptr<Unit> unit) override { take(std::move(*unit)); }
  Watches& watches() override { return watched; }
  OwnCalls& own_calls() override { return own; }
  void look(const Unit& reads, std::function<void(Result<std::string>)> then) override {
    pending.push_back([count = reads.ops.size(), then = std::move(then)](uint8_t choice) {
      if (choice == 255) return then(Error{"LOADING Holdfast is not ready"});
      std::string replies;
      for (size_t i = 0; i < count; i++) replies += reply(static_cast<uint8_t>(choice + i * 7));
      then(std::move(replies));
    });
  }
  bool write_under_way(const std::vector<uint64_t>&) const override { return writing; }
  bool at_rest() const override { return !writing; }
  int64_t log_waiting_ms() const override { return log_waits; }
  bool key_events_up() const override { return events_up; }
  bool script_lines_up() const override { return events_up; }
  void release_when_settled(const Waiter& waiter) override {
    pending.push_back([this, waiter](uint8_t) { desk->release(waiter); });
  }
  const std::string& busy() const override { return busy_words; }
  void ask_aside(Protocol, const std::vector<std::string_view>&, std::function<void(std::string_view)> then) override {
    pending.push_back([then = std::move(then)](uint8_t choice) { then(reply(choice)); });
  }
  void ask(int, std::string_view, std::string_view, std::function<void(std::string_view)> answer) override {
    pending.push_back([answer = std::move(answer)](uint8_t choice) {
      answer(choice % 2 == 0 ? "" : choice % 4 == 1 ? "-ERR no\r\n" : "-NOPERM no\r\n");
    });
  }
  void load_anew(const Waiter& waiter) override {
    pending.push_back([this, waiter](uint8_t) {
      desk->on_reply(waiter, "+OK\r\n");
      desk->release(waiter);
    });
  }
  void digest(std::string_view, std::function<void(const std::string&)> then) override {
    pending.push_back([then = std::move(then)](uint8_t choice) { then(std::string(reply(choice))); });
  }
  void ask_watch(int db, std::string_view command, std::string_view user,
                 std::function<void(std::string_view)> answer) override {
    ask(db, command, user, std::move(answer));
  }
  Users known = parse_users({"user alice on nopass ~a* resetchannels +@all", "user default on nopass ~* &* +@all"});
  uint64_t generation = 1;
  const Users& users() const override { return known; }
  uint64_t users_generation() const override { return generation; }
  void change_users(const std::vector<std::string_view>&, std::function<void(const std::string&)> done) override {
    change(std::move(done));
  }
  void replace_users(std::string_view, std::function<void(const std::string&)> done) override {
    change(std::move(done));
  }
  void check_password(const std::vector<std::string_view>&, std::function<void(std::string_view)> then) override {
    pending.push_back(
        [then = std::move(then)](uint8_t choice) { then(choice % 2 == 0 ? "+OK\r\n" : "-WRONGPASS\r\n"); });
  }
  const std::string& log_id() const override { return the_log_id; }
  std::string the_log_id = "0123456789abcdef0123456789abcdef";

 private:
  void reply_to(const Waiter& waiter, uint8_t choice) {
    if (choice == 255) return desk->give_up(waiter, "UNKNOWN this write may have happened");
    desk->on_reply(waiter, reply(choice));
    if (choice == 254) {
      desk->restart_reply(waiter);
      desk->on_reply(waiter, reply(choice));
    }
    desk->release(waiter);
  }
  // Alice may be restricted or not, or gone; the default user may have a password.
  void change(std::function<void(const std::string&)> done) {
    pending.push_back([this, done = std::move(done)](uint8_t choice) {
      constexpr const char* kRules[] = {"on nopass ~* &* +@all", "on #12 ~* &* +@all", "on nopass ~a* &* +@all",
                                        "off -@all"};
      std::vector<std::string> lines = {std::string("user default ") + kRules[choice % 4]};
      if (choice & 4) lines.push_back(std::string("user alice ") + kRules[(choice >> 3) % 4]);
      known = parse_users(lines);
      generation++;
      desk->on_users_changed();
      done(choice & 64 ? "+OK\r\n" : "-ERR no\r\n");
    });
  }
  void take(Unit unit) {
    for (const Op& op : unit.ops) {
      HOLDFAST_CHECK(op.db >= 0 && op.db < 16 && op.offset + op.length <= unit.bytes.size());
    }
    pending.push_back([this, ops = std::move(unit.ops)](uint8_t choice) {
      for (const Op& op : ops) {
        if (choice == 255) {
          desk->give_up(op.waiter, "NOTWRITTEN the log is gone");
          continue;
        }
        desk->on_reply(op.waiter, op.kind == Op::Kind::kLocal ? std::string_view(op.reply) : reply(choice));
        if (op.last_piece) desk->release(op.waiter);
      }
    });
  }
};

FrontdeskLimits tight_limits() {
  FrontdeskLimits limits;
  limits.query_bytes = 3000;
  limits.output_bytes = 5000;
  limits.total_bytes = 30'000;
  limits.waiting_per_session = 20;
  limits.waiting_at_first = 5;
  limits.idle_ms = 100'000;
  limits.subscribers = {20'000, 5000, 1};
  return limits;
}

// Bytes are a client's, but for those from 0xf0 on: each is an event, some with a byte or a line behind it.
class Play {
 public:
  explicit Play(std::string_view bytes) : rest_(bytes) { counter_.desk = &desk_; }

  void run() {
    while (!rest_.empty()) {
      const auto first = static_cast<unsigned char>(rest_.front());
      if (first < 0xf0) {
        talk();
      } else {
        rest_.remove_prefix(1);
        event(first & 0x0f);
      }
    }
    // Everything comes to an end.
    counter_.wait = nullptr;
    counter_.busy_words.clear();
    for (int rounds = 0; rounds < 2000 && (rounds < 3 || !counter_.pending.empty()); rounds++) {
      while (!counter_.pending.empty()) counter_.answer_one(0);
      turn();
    }
    HOLDFAST_CHECK(counter_.pending.empty());
    for (SessionId id : clients_) leave(id);
    turn();
    HOLDFAST_CHECK(desk_.count() == 0 && desk_.drained());
  }

 private:
  void talk() {
    size_t end = 0;
    while (end < rest_.size() && static_cast<unsigned char>(rest_[end]) < 0xf0) end++;
    const std::string_view data = rest_.substr(0, end);
    rest_.remove_prefix(end);
    const SessionId id = client();
    if (world_.held.contains(id)) return;  // nothing is read from it
    const ExactCopy copy(data);
    desk_.on_data(id, copy.view());
  }

  SessionId client() {
    SessionId& id = clients_[current_];
    if (id == 0) {
      id = next_id_++;
      desk_.on_connected(id, {"1.2.3.4:" + std::to_string(id), "5.6.7.8:6379"});
    }
    return id;
  }
  void leave(SessionId id) {
    if (id == 0) return;
    desk_.on_disconnected(id);
    std::replace(std::begin(clients_), std::end(clients_), id, SessionId{0});
    world_.sent.erase(id);
    world_.unsent.erase(id);
    world_.held.erase(id);
  }
  uint8_t byte() {
    if (rest_.empty()) return 0;
    const auto value = static_cast<uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return value;
  }
  std::vector<std::string> words() {
    const size_t end = std::min(rest_.find('\n'), rest_.size());
    std::istringstream line{std::string(rest_.substr(0, end))};
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    std::vector<std::string> all{std::istream_iterator<std::string>(line), {}};
    return all;
  }

  void turn() {
    desk_.resume();
    desk_.flush();
    for (auto* gone : {&world_.closed, &world_.cut}) {
      for (SessionId id : std::exchange(*gone, {})) leave(id);
    }
    for (auto& [id, bytes] : world_.sent) {
      HOLDFAST_CHECK(bytes.size() < (8U << 20));
      bytes.clear();
    }
    world_.notes.clear();
  }

  void event(int which) {
    switch (which) {
      case 0:
      case 1:
      case 2:
        current_ = static_cast<size_t>(which);
        client();
        break;
      case 3: counter_.answer_one(byte()); break;
      case 4:
        for (size_t left = counter_.pending.size(); left > 0; left--) counter_.answer_one(0);
        turn();
        break;
      case 5: turn(); break;
      case 6: leave(clients_[current_]); break;
      case 7: desk_.on_end(client()); break;
      case 8: pass_time(10 * byte()); break;
      case 9: seen(); break;
      case 10: publish(); break;
      case 11: change(byte()); break;
      case 12: desk_.deliver(offset_, 0); break;
      case 13: byte() % 2 == 0 ? desk_.on_redis_rebuilt(offset_, 0) : desk_.on_asked_lost("LOADING it is lost"); break;
      case 14: world_.unsent[client()] = size_t{byte()} * 100; break;
      default: counter_.answer_one(byte()); turn();
    }
  }

  void pass_time(int64_t ms) {
    world_.now_ms += ms;
    world_.now_unix_ms += ms;
    desk_.check_deadlines(world_.now_ms);
    desk_.check_blocked(world_.now_ms, 5000);
    desk_.check_time(world_.now_ms, [&](const Session&, const Session::Oldest& oldest) -> std::string {
      return world_.now_ms - oldest.since_ms > 5000 ? "UNAVAILABLE no answer in time" : "";
    });
  }
  void seen() {
    const std::vector<std::string> line = words();
    if (line.empty()) return;
    const std::vector<std::string_view> argv(line.begin(), line.end());
    const CommandInfo* info = redis_table().find(argv);
    const Touched touched = touched_by(info, 0, argv, 17);
    counter_.watched.on_touched(touched, info);
    desk_.on_touched(touched);
    desk_.on_unit_end(nullptr, ++offset_, 0);
  }
  void publish() {
    const std::vector<std::string> line = words();
    if (line.size() < 2) return;
    if (desk_.wants_published()) desk_.on_published({line.size() > 2, line[0], line[1], ++offset_, 0});
  }
  void change(uint8_t what) {
    counter_.wait = what & 1 ? "being rebuilt" : nullptr;
    counter_.no_reads = what & 2 ? "LOADING it" : "";
    counter_.no_writes = what & 4 ? "NOTWRITTEN the log is gone" : "";
    counter_.out_of_memory = what & 8;
    counter_.events_up = !(what & 16);
    counter_.busy_words = what & 32 ? "BUSY Redis is busy running a script" : "";
    counter_.writing = what & 64;
    counter_.log_waits = what & 128 ? 1000 : 0;
  }

  std::string_view rest_;
  testing::FakeWorld world_;
  FuzzCounter counter_;
  Frontdesk desk_{&world_, &counter_, tight_limits()};
  SessionId clients_[3] = {};
  size_t current_ = 0;
  SessionId next_id_ = 1;
  int64_t offset_ = 0;
};

void fuzz_desk(std::string_view bytes) {
  redis_table();
  const size_t before = live_bytes();
  {
    Play play(bytes);
    play.run();
    HOLDFAST_CHECK(live_bytes() - before <= 100 * bytes.size() + (1U << 20));
  }
}

const Registration kDesk("desk", fuzz_desk);

}  // namespace

}  // namespace holdfast::fuzz
