#include "tests/simulation/checker.h"

#include "core/record/record.h"
#include "core/replication/replay.h"
#include "core/resp/integer.h"
#include "core/resp/words.h"

namespace holdfast::simulation {
namespace {

// Executes the commands of a piece as a replica.
bool apply(std::string_view commands, SimCommands* executor, Dataset* data) {
  RequestParser parser;
  int db = 0;
  while (!commands.empty()) {
    if (parser.parse(commands) != RequestParser::Status::kComplete) return false;
    const std::vector<std::string_view>& argv = parser.argv();
    bool arity_fits = false;
    if (same_word(argv[0], "SELECT") && argv.size() == 2) {
      db = static_cast<int>(parse_integer(argv[1]).value_or(0));
    } else if (SimCommands::knows(argv[0], argv.size(), &arity_fits) && arity_fits) {
      std::string reply;
      std::vector<SimEffect> effects;
      // No time: a replica's state must not depend on when it gets there.
      executor->run({data, db, 0, true, true}, argv, &reply, &effects);
    } else {
      return false;
    }
    commands.remove_prefix(parser.consumed());
  }
  return true;
}

}  // namespace

Replayed replay_log(SimWorld* world, const SimRedisOptions& options) {
  Replayed result(options.databases);
  Rng rng(0);
  Coverage unused;
  SimCommands executor(options.dialect, &rng, &unused);
  Chain chain;
  Replay replay;
  bool base_loaded = false;
  // The base is known once the first batch or the log's end was read.
  const auto apply_settled = [&] {
    if (!base_loaded && replay.base()) {
      RdbExtra extra;
      const auto snapshot = world->snapshots().find(replay.base()->file);
      std::optional<Dataset> base;
      if (snapshot != world->snapshots().end()) base = load_rdb(snapshot->second, options.databases, &extra);
      if (!base) {
        result.failure = "the base snapshot cannot be loaded";
        return;
      }
      result.data = std::move(*base);
    }
    base_loaded = true;
    std::vector<ReplayPiece> pieces;
    replay.take(&pieces);
    for (const ReplayPiece& piece : pieces) {
      if (!apply(piece.commands, &executor, &result.data)) {
        result.failure = "the log holds what no Redis can execute: " + piece.commands.substr(0, 200);
      }
    }
  };
  for (const LogEntry& entry : world->sim_log().entries()) {
    switch (chain.next(entry)) {
      case Chain::Verdict::kDamaged:
        result.failure = "the log is damaged at " + std::to_string(entry.position) + ": " + chain.reason();
        return result;
      case Chain::Verdict::kVoid: result.void_records++; continue;
      case Chain::Verdict::kPart: continue;
      case Chain::Verdict::kCounts: break;
    }
    result.records++;
    for_each_token(chain.record().value, [&](std::string_view token) { result.tokens.emplace(token); });
    replay.add(chain.record(), chain.state());
    if (replay.has_batches()) apply_settled();
    if (!result.failure.empty()) return result;
  }
  apply_settled();
  result.unsettled = replay.pending().size();
  return result;
}

std::string check_log_and_redis(SimWorld* world, const SimRedisOptions& options, Coverage* coverage) {
  const Replayed replayed = replay_log(world, options);
  if (!replayed.failure.empty()) return replayed.failure;
  coverage->count("log: records that count", replayed.records);
  coverage->count("log: void records", replayed.void_records);
  if (replayed.unsettled > 0) return std::to_string(replayed.unsettled) + " batches were never settled";
  const std::string different = differences(world->redis().data(), replayed.data, options.databases - 1);
  if (!different.empty()) return "Redis | the log replayed differ:" + different;
  for (const std::string& token : world->told()) {
    if (!replayed.tokens.contains(token)) return "a reply told " + token + ", which is in no record that counts";
  }
  return {};
}

}  // namespace holdfast::simulation
