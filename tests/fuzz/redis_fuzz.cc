// What our own Redis answers: to the questions at an attach, to COMMAND, and to reads and batches. A Redis that is
// another program, or hostile, may make the attach fail; it can do no harm.
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/check.h"
#include "core/command/named_keys.h"
#include "core/command/table.h"
#include "core/resp/glob.h"
#include "core/shard/backend.h"
#include "core/shard/key_events.h"
#include "core/shard/probe.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/fake_world.h"
#include "tests/unit/test_unit.h"

namespace holdfast::fuzz {

namespace {

struct Events : BackendEvents {
  std::string error;
  size_t batches_replied = 0;

  void on_reply(const Waiter&, std::string_view reply, bool) override { HOLDFAST_CHECK(!reply.empty()); }
  void on_reads_done(ReplyGroup, int64_t) override {}
  void on_batch_replied(Batch*) override { batches_replied++; }
  void on_backend_error(const std::string& reason) override { error = reason; }
};

void feed(Backend* backend, const Events& events, std::string_view bytes) {
  Random random = random_from(bytes);
  size_t start = 0;
  for (const size_t cut : random_cuts(&random, bytes.size())) {
    if (!events.error.empty()) return;  // the connection would be closed
    const ExactCopy piece(bytes.substr(start, cut - start));
    backend->on_data(piece.view());
    backend->take_output();
    start = cut;
  }
}

void fuzz_probe(std::string_view bytes) {
  Events events;
  Backend backend(&events, "secret");
  ShardOptions options;
  RedisState state;
  Probe probe(&backend, options, &state);
  int finished = 0;
  probe.start([&](Probe::Outcome outcome, const std::string& reason) {
    finished++;
    HOLDFAST_CHECK(outcome == Probe::Outcome::kDone || !reason.empty());
    HOLDFAST_CHECK(outcome != Probe::Outcome::kDone ||
                   (state.databases >= 2 && state.reserved_db >= 0 && state.reserved_db < state.databases));
  });
  feed(&backend, events, bytes);
  HOLDFAST_CHECK(finished <= 1);
}

// Two reads, a batch, reads at once, a question and one more read wait for their replies.
void fuzz_backend(std::string_view bytes) {
  Events events;
  Backend backend(&events, "secret");
  backend.set_reserved_db(15);
  Batch batch;
  testing::add_ops(&batch, "SET a 1 | GET a | SELECT 3 | INCR b");
  batch.ops[1].in_transaction = batch.ops[3 - 1].in_transaction = true;
  auto reads = std::make_unique<Unit>();
  testing::add_ops(reads.get(), "GET a | GET b");
  const std::string get = testing::words("GET a");
  backend.read({1, 1}, 1, 0, get);
  backend.read({1, 2, Filter::kNone, Protocol::kResp3}, 1, 2, get);
  backend.apply(&batch, "marker");
  backend.reads_at_once(std::move(reads));
  backend.ask(0, get, "holdfast:as:alice", [](std::string_view) {});
  backend.request(-1, {"PING"}, [](std::string_view reply) { HOLDFAST_CHECK(!reply.empty()); });
  backend.read({1, 3}, 1, 0, get);
  backend.take_output();
  feed(&backend, events, bytes);
  HOLDFAST_CHECK(events.batches_replied <= 1);
  HOLDFAST_CHECK(backend.owed_reads().size() <= 9);
}

void fuzz_commands(std::string_view bytes) {
  const Result<ReplyValue> reply = parse_reply(bytes);
  if (!reply.ok()) return;
  const Result<CommandTable> table = CommandTable::from_command_reply(*reply);
  if (!table.ok()) {
    HOLDFAST_CHECK(!table.error().empty());
    return;
  }
  HOLDFAST_CHECK(table->size() <= bytes.size());
  for (const char* request : {"get a", "set a 1", "mget a b c", "config get maxmemory", "zadd z 1 a", "eval s 2 a b",
                              "xread streams a b 0 0", "client list", "mset a 1 b 2 c"}) {
    const std::vector<std::string_view> argv = testing::split(request);
    const CommandInfo* command = table->find(argv);
    std::vector<uint64_t> hashes;
    bool all = false;
    key_hashes(command, 0, argv, &hashes, &all);
    HOLDFAST_CHECK(hashes.size() <= argv.size());
    effect_of(command, argv);
    if (command != nullptr) keys_read(*command, argv);
  }
}

void fuzz_key_events(std::string_view bytes) {
  testing::FakeWorld world;
  ShardOptions options;
  KeyEvents events(&world, options);
  events.want(true, 1000);
  events.on_link_up();
  Random random = random_from(bytes);
  size_t start = 0;
  for (const size_t cut : random_cuts(&random, bytes.size())) {
    events.on_data(ExactCopy(bytes.substr(start, cut - start)).view(), 15);
    start = cut;
  }
}

// A pattern, a line end, a text; checked against a slow and simple way where the pattern has no classes.
bool matches_slowly(std::string_view pattern, std::string_view text, int* steps) {
  if (++*steps > 20'000) return false;
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '*') {
    return matches_slowly(pattern.substr(1), text, steps) ||
           (!text.empty() && matches_slowly(pattern, text.substr(1), steps));
  }
  if (text.empty()) return false;
  if (pattern[0] == '?') return matches_slowly(pattern.substr(1), text.substr(1), steps);
  if (pattern[0] == '\\' && pattern.size() >= 2) pattern.remove_prefix(1);
  return pattern[0] == text[0] && matches_slowly(pattern.substr(1), text.substr(1), steps);
}

void fuzz_glob(std::string_view bytes) {
  const size_t end = std::min(bytes.find('\n'), bytes.size());
  const ExactCopy pattern(bytes.substr(0, end));
  const ExactCopy text(bytes.substr(std::min(end + 1, bytes.size())));
  const bool matches = glob_match(pattern.view(), text.view());
  int steps = 0;
  if (pattern.view().find('[') != std::string_view::npos) return;
  const bool expected =
      text.view().empty() ? pattern.view().empty() : matches_slowly(pattern.view(), text.view(), &steps);
  HOLDFAST_CHECK(steps > 20'000 || matches == expected);
}

const Registration kProbe("probe", fuzz_probe), kBackend("backend", fuzz_backend), kCommands("commands", fuzz_commands),
    kKeyEvents("key-events", fuzz_key_events), kGlob("glob", fuzz_glob);

}  // namespace

}  // namespace holdfast::fuzz
