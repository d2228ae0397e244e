// Units of work written as text: "SET a 1 | SELECT 3 | DEL b" are two ops, the second in database 3.
#pragma once

#include <charconv>
#include <string_view>
#include <vector>

#include "core/shard/batch.h"
#include "tests/unit/resp_words.h"
#include "tests/unit/test_table.h"

namespace holdfast::testing {

inline uint64_t touched(const CommandInfo* info, int db, const std::vector<std::string_view>& argv) {
  std::vector<uint64_t> hashes;
  bool all = false;
  key_hashes(info, db, argv, &hashes, &all);
  if (all || hashes.size() > 1) return kTouchesAnything;
  return hashes.empty() ? kTouchesNothing : hashes[0];
}

// What is no write goes in as a read that rides along. Each op's waiter is its number, from `slot` on, of `session`.
inline void add_ops(Unit* unit, std::string_view text, SessionId session = 1, uint64_t slot = 1) {
  const std::string bytes = words(text);
  std::string_view rest = bytes;
  RequestParser parser;
  int db = 0;
  while (!rest.empty() && parser.parse(rest) == RequestParser::Status::kComplete) {
    const std::vector<std::string_view>& argv = parser.argv();
    const CommandInfo* info = test_table().find(argv);
    if (info != nullptr && info->name == "select") {
      std::from_chars(argv[1].data(), argv[1].data() + argv[1].size(), db);
    } else {
      Op op;
      op.kind = info == nullptr || info->logged ? Op::Kind::kWrite : Op::Kind::kRead;
      op.effect = effect_of(info, argv);
      op.db = db;
      op.touches = touched(info, db, argv);
      op.waiter = {session, slot++};
      unit->add(std::move(op), parser.canonical());
    }
    rest.remove_prefix(parser.consumed());
  }
}

}  // namespace holdfast::testing
