// A front desk with a counter behind it that only writes down what it is given.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/shard/frontdesk.h"
#include "tests/unit/fake_world.h"
#include "tests/unit/test_unit.h"

namespace holdfast::testing {

struct FakeCounter : Counter {
  std::string story;
  std::vector<Waiter> waiters;  // who waits for a reply, in the order of the requests
  std::vector<uint64_t> touches;
  std::vector<Effect> effects;
  std::vector<std::function<void(std::string_view)>> questions;
  std::vector<std::function<void(Result<std::string>)>> looks;
  std::vector<std::function<void(const std::string&)>> digests;
  Watches watched;
  OwnCalls own;
  bool writing = false;  // a write to a watched key is under way
  bool resting = true;
  int64_t log_waits = 0;
  const char* wait = nullptr;
  std::string no_reads, no_writes;
  bool out_of_memory = false;
  bool events_up = true, script_lines = true;
  MemoryWatch memory{0};
  LiveSettings live{&memory};
  std::string busy_words;
  std::string version = "7.0.15";
  BuildWords build;
  std::string log = "feed";

  const CommandTable& table() const override { return test_table(); }
  int databases() const override { return 16; }
  int reserved_database() const override { return 15; }
  const std::string& redis_version() const override { return version; }
  const BuildWords& words() const override { return build; }
  const std::string& log_id() const override { return log; }
  const char* must_wait() const override { return wait; }
  std::string refuse_read() const override { return no_reads; }
  std::string refuse_write() const override { return no_writes; }
  bool over_maxmemory() const override { return out_of_memory; }
  LiveSettings& settings() override { return live; }

  void read(Session*, Waiter waiter, uint64_t touched_key, int db, std::string_view command) override {
    story += "read " + std::to_string(db) + " " + as_words(command) + "\n";
    waiters.push_back(waiter);
    touches.push_back(touched_key);
  }
  void write(Session*, Unit unit) override { tell("write", unit); }
  void reads_at_once(Session*, std::unique_ptr<Unit> unit) override { tell("reads", *unit); }
  void ask(int db, std::string_view command, std::string_view user,
           std::function<void(std::string_view)> answer) override {
    story += "ask " + std::to_string(db) + " " + as_words(command) + (user.empty() ? "" : " as " + std::string(user));
    story += "\n";
    questions.push_back(std::move(answer));
  }

  const std::string& busy() const override { return busy_words; }
  void ask_aside(Protocol protocol, const std::vector<std::string_view>& argv,
                 std::function<void(std::string_view)> answer) override {
    std::string command;
    append_request(&command, argv);
    story += "aside " + std::to_string(static_cast<int>(protocol)) + " " + as_words(command) + "\n";
    questions.push_back(std::move(answer));
  }

  void load_anew(const Waiter& waiter) override {
    story += "load anew\n";
    waiters.push_back(waiter);
  }
  void digest(std::string_view command, std::function<void(const std::string&)> then) override {
    RequestParser parser(kNoRequestLimits);
    parser.parse(command);
    CHECK(parser.argv() == std::vector<std::string_view>{"DEBUG", "DIGEST"});
    story += "digest\n";
    digests.push_back(std::move(then));
  }
  void ask_watch(int db, std::string_view command, std::string_view user,
                 std::function<void(std::string_view)> answer) override {
    ask(db, command, user, std::move(answer));
  }

  Users known = parse_users({"user default on nopass ~* &* +@all"});
  uint64_t generation = 1;
  const Users& users() const override { return known; }
  uint64_t users_generation() const override { return generation; }
  std::vector<std::function<void(const std::string&)>> changes;
  void change_users(const std::vector<std::string_view>& argv, std::function<void(const std::string&)> done) override {
    std::string command;
    append_request(&command, argv);
    story += "users " + as_words(command) + "\n";
    changes.push_back(std::move(done));
  }
  void replace_users(std::string_view text, std::function<void(const std::string&)> done) override {
    story += "users are " + std::string(text) + "\n";
    changes.push_back(std::move(done));
  }
  void check_password(const std::vector<std::string_view>& argv, std::function<void(std::string_view)> then) override {
    std::string command;
    append_request(&command, argv);
    story += "password " + as_words(command) + "\n";
    questions.push_back(std::move(then));
  }

  Watches& watches() override { return watched; }
  OwnCalls& own_calls() override { return own; }
  void look(const Unit& unit, std::function<void(Result<std::string>)> then) override {
    tell("look", unit);
    waiters.pop_back();
    looks.push_back(std::move(then));
  }
  bool write_under_way(const std::vector<uint64_t>&) const override { return writing; }
  bool at_rest() const override { return resting; }
  int64_t log_waiting_ms() const override { return log_waits; }
  bool key_events_up() const override { return events_up; }
  bool script_lines_up() const override { return script_lines; }
  void release_when_settled(const Waiter& waiter) override {
    story += "when settled\n";
    waiters.push_back(waiter);
  }

  // "write W0 SET a 1 + R3 GET b + L +OK": what kind of op, its database, its command or answer.
  void tell(const char* what, const Unit& unit) {
    story += what;
    for (const Op& op : unit.ops) {
      story += &op == &unit.ops.front() ? " " : " + ";
      if (op.kind == Op::Kind::kLocal) {
        story += "L " + op.reply.substr(0, op.reply.find('\r'));
      } else {
        story += (op.kind == Op::Kind::kWrite ? "W" : "R") + std::to_string(op.db) + " " + as_words(unit.bytes_of(op));
      }
      effects.push_back(op.effect);
      touches.push_back(op.touches);
    }
    story += "\n";
    waiters.push_back(unit.ops.front().waiter);
  }
};

struct DeskFixture {
  FakeWorld world;
  FakeCounter counter;
  Frontdesk desk;

  explicit DeskFixture(FrontdeskLimits limits = {}, ClusterOptions cluster = {})
      : desk(&world, &counter, limits, std::move(cluster)) {
    connect(1);
  }

  void connect(SessionId id, const std::string& host = "1.2.3.4", const std::string& certificate_user = {}) {
    desk.on_connected(id,
                      {host + ":" + std::to_string(id), "5.6.7.8:6379", !certificate_user.empty(), certificate_user});
  }

  // A client sends requests (written as words) or bytes; what it has got by the end of the turn.
  std::string say(std::string_view text, SessionId id = 1) { return send(words(text), id); }
  std::string send(std::string_view bytes, SessionId id = 1) {
    desk.on_data(id, bytes);
    return turn(id);
  }
  std::string turn(SessionId id = 1) {
    desk.resume();
    desk.flush();
    return world.take(id);
  }
  // What went to the counter since the last call.
  std::string told() { return std::exchange(counter.story, {}); }

  // The reply to the request `index` of those that went to the counter, and it may be seen.
  std::string reply(size_t index, std::string_view bytes, SessionId id = 1) {
    desk.on_reply(counter.waiters[index], bytes);
    desk.release(counter.waiters[index]);
    return turn(id);
  }
  std::string answer_look(size_t index, Result<std::string> replies, SessionId id = 1) {
    counter.looks[index](std::move(replies));
    return turn(id);
  }
  // Something that the tap has seen.
  void seen(std::string_view text, int db = 0) {
    const std::vector<std::string_view> argv = split(text);
    const CommandInfo* info = test_table().find(argv);
    const Touched touched = touched_by(info, db, argv, 16);
    counter.watched.on_touched(touched, info);
    desk.on_touched(touched);
  }
  std::string answer(size_t index, std::string_view refusal, SessionId id = 1) {
    counter.questions[index](refusal);
    return turn(id);
  }
};

}  // namespace holdfast::testing
