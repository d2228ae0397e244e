#include "core/shard/migration.h"

#include <algorithm>

#include "core/command/named_keys.h"
#include "core/resp/request.h"
#include "core/resp/words.h"
#include "core/shard/outcomes.h"

namespace holdfast {
namespace {

constexpr int64_t kUsualTimeoutMs = 1000;
constexpr int64_t kLongestTimeoutMs = int64_t{24} * 3600 * 1000;  // that is waited for; Redis gets what the client says

}  // namespace

std::optional<Migration> Migration::parse(int db, const std::vector<std::string_view>& argv) {
  Migration migration;
  size_t i = 6;
  for (; i < argv.size() && !same_word(argv[i], "KEYS"); i++) {
    const size_t secrets = same_word(argv[i], "AUTH") ? 1 : same_word(argv[i], "AUTH2") ? 2 : 0;
    if (same_word(argv[i], "COPY")) {
      migration.copies_ = true;
    } else if (secrets == 0 && !same_word(argv[i], "REPLACE")) {
      return std::nullopt;
    }
    if (argv.size() - 1 - i < secrets) return std::nullopt;
    i += secrets;
  }
  int64_t target_db = 0;
  if (!parse_int(argv[5], &migration.timeout_ms_) || !parse_int(argv[4], &target_db)) return std::nullopt;
  if (migration.timeout_ms_ <= 0) migration.timeout_ms_ = kUsualTimeoutMs;
  migration.timeout_ms_ = std::min(migration.timeout_ms_, kLongestTimeoutMs);
  migration.db_ = db;
  migration.target_ = {std::string(argv[1]), std::string(argv[2])};
  migration.target_db_ = argv[4];
  migration.timeout_text_ = argv[5];
  migration.options_.assign(argv.begin() + 6, argv.begin() + static_cast<std::ptrdiff_t>(std::min(i, argv.size())));
  for (const std::string_view name : migrated_keys(argv)) {
    migration.keys_.push_back({std::string(name)});
    migration.hashes_.push_back(key_hash(db, name));
  }
  if (migration.keys_.empty()) return std::nullopt;
  return migration;
}

std::string Migration::transfer() {
  const auto next =
      std::find_if(keys_.begin(), keys_.end(), [](const Key& key) { return key.state == Key::State::kWaiting; });
  if (next == keys_.end()) return {};
  at_ = static_cast<size_t>(next - keys_.begin());
  begun_ = true;
  next->changed = false;
  std::vector<std::string_view> argv = {"MIGRATE",  target_[0],    target_[1], next->name,
                                        target_db_, timeout_text_, "COPY"};
  // What is there is what this MIGRATE has brought.
  if (next->transfers > 0) argv.emplace_back("REPLACE");
  argv.insert(argv.end(), options_.begin(), options_.end());
  std::string request;
  append_request(&request, argv);
  return request;
}

// As with Redis's own of many keys: what one of them is refused for does not hold up the others, but a connection that
// is lost does. The first error is told.
void Migration::on_reply(std::string_view reply) {
  Key& key = keys_[at_];
  if (reply.starts_with("+OK")) {
    key.state = Key::State::kTransferred;
    key.transfers++;
  } else if (reply.starts_with("+NOKEY")) {
    key.state = Key::State::kGone;
  } else {
    key.state = Key::State::kStays;
    if (error_.empty()) error_ = reply;
    if (reply.starts_with("-ERR Target")) return;
    for (Key& other : keys_) {
      // One that is here in another version than there stays, too.
      if (other.state == Key::State::kWaiting) other.state = Key::State::kStays;
    }
  }
}

void Migration::on_touched(const Touched& touched) {
  for (size_t i = 0; i < keys_.size(); i++) {
    keys_[i].changed = keys_[i].changed || touched.anything ||
                       std::find(touched.databases.begin(), touched.databases.end(), db_) != touched.databases.end() ||
                       std::any_of(touched.keys.begin(), touched.keys.end(),
                                   [&](const Touched::Key& key) { return key.db == db_ && key.name == keys_[i].name; });
  }
}

bool Migration::again() {
  if (copies_) return false;
  bool some = false;
  for (Key& key : keys_) {
    if (key.state != Key::State::kTransferred || !key.changed) continue;
    if (key.transfers < kMostTransfers) {
      key.state = Key::State::kWaiting;
      some = true;
      continue;
    }
    key.state = Key::State::kStays;
    if (error_.empty()) {
      append_error(&error_,
                   "IOERR a key has changed each time that it was transferred: it stays here, and the target "
                   "has an earlier value of it");
    }
  }
  return some;
}

std::string Migration::removal() const {
  std::vector<std::string_view> argv = {"DEL"};
  for (const Key& key : keys_) {
    if (!copies_ && key.state == Key::State::kTransferred) argv.emplace_back(key.name);
  }
  std::string request;
  if (argv.size() > 1) append_request(&request, argv);
  return request;
}

std::string Migration::reply() const {
  if (!error_.empty()) return error_;
  const bool some = std::any_of(keys_.begin(), keys_.end(), [](const Key& key) { return key.transfers > 0; });
  return some ? "+OK\r\n" : "+NOKEY\r\n";
}

}  // namespace holdfast
