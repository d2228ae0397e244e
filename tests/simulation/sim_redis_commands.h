// What a simulated Redis does with keys: a small set of commands that stands for all kinds there are, with the effects
// that the real one tells its replicas (/docs of Redis, t_string.c, t_set.c, db.c, expire.c of 7.0).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/resp/reply.h"
#include "tests/simulation/coverage.h"
#include "tests/simulation/rng.h"
#include "tests/simulation/sim_dataset.h"

namespace holdfast::simulation {

// What builds and settings of Redis differ in.
struct SimDialect {
  bool old = false;                  // 6.2: relative TTLs, MULTI around every transaction, shorter COMMAND entries
  bool unlink = false;               // removals of expired keys are told as UNLINK
  bool select_before_multi = false;  // else inside
};

struct SimEffect {
  int db;
  std::string bytes;
};

struct SimCommand {
  const char* name;
  int arity;
  const char* flags;
  int first_key, last_key, key_step;
};

class SimCommands {
 public:
  using Argv = std::vector<std::string_view>;

  SimCommands(const SimDialect& dialect, Rng* rng, Coverage* coverage)
      : dialect_(dialect), rng_(rng), coverage_(coverage) {}

  struct Context {
    Dataset* data;
    int db;
    int64_t now_ms;
    bool from_master;  // a replica executes what its master sent: nothing expires
    bool on_replica;   // a replica's own client: expired keys are hidden, not removed
    Protocol protocol = Protocol::kResp2;
  };

  // For COMMAND. HIDDEN.DRAW is not among them: a command that Redis knows and does not tell of.
  static std::vector<SimCommand> listed();
  static bool writes(std::string_view name);
  // False: not known.
  static bool knows(std::string_view name, size_t argc, bool* arity_fits);
  // Executes a command that knows() took; the reply and the effects are appended.
  void run(const Context& context, const Argv& argv, std::string* reply, std::vector<SimEffect>* effects);

 private:
  struct Entry;
  struct Call;
  static const Entry kEntries[];
  static const Entry* find(std::string_view name);

  SimDialect dialect_;
  Rng* rng_;
  Coverage* coverage_;
};

}  // namespace holdfast::simulation
