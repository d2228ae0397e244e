#include "core/shard/batch.h"

#include "core/shard/users.h"

namespace holdfast {

void append_select(std::string* out, int db, int* current) {
  if (*current == db) return;
  append_request(out, {"SELECT", std::to_string(db)});
  *current = db;
}

std::string log_value(const Unit& unit) {
  std::string value;
  value.reserve(unit.bytes.size() + 32);
  int db = -1;
  for (const Op& op : unit.ops) {
    if (op.kind != Op::Kind::kWrite) continue;
    append_select(&value, op.db, &db);
    if (!op.user.empty()) append_request(&value, {kActAs, user_of(op.user)});
    value.append(unit.bytes_of(op));
  }
  return value;
}

}  // namespace holdfast
