#include "recovery/compare.h"

#include <algorithm>
#include <cstdlib>
#include <map>

#include "core/record/record.h"
#include "recovery/interrupt.h"
#include "recovery/moment.h"
#include "recovery/value_text.h"

namespace holdfast {
namespace {

constexpr std::string_view kScanCount = "500";
constexpr int64_t kNever = -1;
constexpr int64_t kAbsent = -2;
// 6.2 tells only how much time is left, a moment before that is added to the time of day.
constexpr int64_t kReckoningMs = 5;
constexpr int kReckonings = 10;

bool has_command(RedisClient* redis, std::string_view name) {
  const Result<ReplyValue> info = redis->ask({"COMMAND", "INFO", name});
  return info.ok() && info->elements.size() == 1 && info->elements[0].kind == ReplyValue::Kind::kArray;
}

// A page of SCAN; the cursor is "0" at the end.
Result<std::vector<std::string>> scan_page(RedisClient* redis, std::string* cursor) {
  Result<ReplyValue> page = redis->ask({"SCAN", *cursor, "COUNT", kScanCount});
  if (!page) return Error{page.error()};
  if (page->elements.size() != 2) return Error{"an answer to SCAN that is not understood"};
  *cursor = page->elements[0].text;
  std::vector<std::string> keys;
  for (ReplyValue& key : page->elements[1].elements) keys.push_back(std::move(key.text));
  return keys;
}

bool has_passed(int64_t expiry) { return expiry >= 0 && expiry <= now_unix_ms(); }

}  // namespace

void Comparison::add(int db, const std::string& key, const std::string& what) {
  if (differences_.size() >= max_differences_) {
    gave_up_ = true;
  } else {
    differences_.push_back({db, key, what});
  }
}

Result<Done> Comparison::learn_features() {
  expire_time_ = has_command(left_, "PEXPIRETIME") && has_command(right_, "PEXPIRETIME");
  field_expiry_ = has_command(left_, "HPEXPIRETIME") && has_command(right_, "HPEXPIRETIME");
  functions_ = has_command(left_, "FUNCTION") && has_command(right_, "FUNCTION");
  return Done{};
}

Result<Done> Comparison::run(int databases, size_t max_differences, Progress* progress) {
  max_differences_ = max_differences;
  if (auto done = learn_features(); !done) return done;
  if (functions_) {
    if (auto done = compare_functions(); !done) return done;
  }
  const Result<std::string> info = left_->info();
  if (!info) return Error{info.error()};
  for (const auto& [db, keys] : keys_by_database(*info)) total_ += keys;
  for (int db = 0; db < databases && !gave_up_; db++) {
    const std::string number = std::to_string(db);
    if (auto done = left_->ask({"SELECT", number}); !done) return Error{done.error()};
    if (auto done = right_->ask({"SELECT", number}); !done) return Error{done.error()};
    if (auto done = compare_database(db, progress); !done) return done;
  }
  return Done{};
}

Result<Done> Comparison::compare_functions() {
  std::map<std::string, std::string> libraries[2];
  RedisClient* const both[] = {left_, right_};
  for (size_t i = 0; i < 2; i++) {
    const Result<ReplyValue> list = both[i]->ask({"FUNCTION", "LIST", "WITHCODE"});
    if (!list) return Error{list.error()};
    for (const ReplyValue& library : list->elements) {
      std::map<std::string, std::string> fields;
      for (size_t j = 0; j + 1 < library.elements.size(); j += 2) {
        fields[library.elements[j].text] = library.elements[j + 1].text;
      }
      libraries[i][fields["library_name"]] = fields["library_code"];
    }
  }
  for (const auto& [name, code] : libraries[0]) {
    const auto other = libraries[1].find(name);
    if (other == libraries[1].end()) {
      add(-1, name, "function library is only in " + names_.left);
    } else if (other->second != code) {
      add(-1, name, "function library differs");
    }
  }
  for (const auto& [name, code] : libraries[1]) {
    if (!libraries[0].contains(name)) add(-1, name, "function library is only in " + names_.right);
  }
  return Done{};
}

Result<Done> Comparison::compare_database(int db, Progress* progress) {
  for (const bool on_left : {true, false}) {
    std::string cursor = "0";
    do {
      if (interrupted()) return interrupted_error();
      Result<std::vector<std::string>> keys = scan_page(on_left ? left_ : right_, &cursor);
      if (!keys) return Error{keys.error()};
      std::erase_if(*keys, [&](const std::string& key) {
        if (key == kMarkerKey) return true;
        if (!left_out_ || !left_out_(db, key)) return false;
        left_out_count_ += on_left ? 1 : 0;
        return true;
      });
      if (auto done = on_left ? compare_keys(db, std::move(*keys)) : find_missing(db, std::move(*keys)); !done) {
        return done;
      }
      progress->update(static_cast<int64_t>(compared_), total_, 0);
    } while (cursor != "0" && !gave_up_);
  }
  return Done{};
}

// DUMP tells of type and value; where it does not agree, the encoding may be another one.
Result<Done> Comparison::compare_keys(int db, std::vector<std::string> keys) {
  for (RedisClient* redis : {left_, right_}) {
    for (const std::string& key : keys) {
      redis->queue({"DUMP", key});
      if (expire_time_) redis->queue({"PEXPIRETIME", key});
    }
    if (auto done = redis->flush(); !done) return done;
  }
  std::vector<std::string> unsure;
  for (const std::string& key : keys) {
    ReplyValue value[2];
    ReplyValue expiry[2];
    RedisClient* const both[] = {left_, right_};
    for (size_t i = 0; i < 2; i++) {
      Result<ReplyValue> dump = both[i]->reply();
      if (!dump) return Error{dump.error()};
      value[i] = std::move(*dump);
      if (!expire_time_) continue;
      Result<ReplyValue> time = both[i]->reply();
      if (!time) return Error{time.error()};
      expiry[i] = std::move(*time);
    }
    compared_++;
    const bool equal = value[0].kind == ReplyValue::Kind::kString && value[0].kind == value[1].kind &&
                       value[0].text == value[1].text && expire_time_ && expiry[0].integer == expiry[1].integer;
    if (!equal) unsure.push_back(key);
  }
  for (const std::string& key : unsure) {
    if (gave_up_) break;
    if (auto done = compare_values(db, key); !done) return done;
  }
  return Done{};
}

Result<int64_t> Comparison::expiry_of(RedisClient* redis, const std::string& key) const {
  const int64_t now = now_unix_ms();
  const Result<ReplyValue> value = redis->ask({expire_time_ ? "PEXPIRETIME" : "PTTL", key});
  if (!value) return Error{value.error()};
  if (expire_time_ || value->integer < 0) return value->integer;
  return now + std::min(value->integer, INT64_MAX - now);
}

Result<Done> Comparison::compare_values(int db, const std::string& key) {
  RedisClient* const both[] = {left_, right_};
  std::string type[2];
  std::string form[2];
  int64_t expiry[2];
  for (size_t i = 0; i < 2; i++) {
    const Result<ReplyValue> told = both[i]->ask({"TYPE", key});
    if (!told) return Error{told.error()};
    type[i] = told->text;
    Result<std::string> normal = normal_form(both[i], type[i], key, field_expiry_);
    if (!normal) return Error{normal.error()};
    form[i] = std::move(*normal);
    const Result<int64_t> time = expiry_of(both[i], key);
    if (!time) return Error{time.error()};
    expiry[i] = *time;
  }
  // It may have gone between two of these questions: then it is absent on both sides, or will be counted so.
  const bool gone[] = {expiry[0] == kAbsent || has_passed(expiry[0]), expiry[1] == kAbsent || has_passed(expiry[1])};
  if (gone[0] && gone[1]) return Done{};
  if (gone[0] || gone[1]) {
    add(db, key, "is only in " + (gone[1] ? names_.left : names_.right));
    return Done{};
  }
  if (type[0] != type[1]) {
    add(db, key, "is a " + type[0] + " in " + names_.left + " and a " + type[1] + " in " + names_.right);
    return Done{};
  }
  if (form[0].empty() && form[1].empty() && type[0] != "none") {
    // No normal form, or an empty value, which has the same DUMP everywhere.
    for (size_t i = 0; i < 2; i++) {
      const Result<ReplyValue> dump = both[i]->ask({"DUMP", key});
      if (!dump) return Error{dump.error()};
      form[i] = dump->text;
    }
  }
  if (form[0] != form[1]) {
    add(db, key, "has another value (" + type[0] + ")");
    return Done{};
  }
  return check_expiry(db, key, expiry[0], expiry[1]);
}

Result<Done> Comparison::check_expiry(int db, const std::string& key, int64_t left, int64_t right) {
  if (left == right) return Done{};
  for (int i = 0; !expire_time_ && left >= 0 && right >= 0 && i < kReckonings; i++) {
    if (std::llabs(left - right) <= kReckoningMs) return Done{};
    const Result<int64_t> again = expiry_of(left_, key);
    const Result<int64_t> other = expiry_of(right_, key);
    if (!again || !other) return Error{again.ok() ? other.error() : again.error()};
    if (*again == kAbsent || *other == kAbsent) return Done{};
    left = *again;
    right = *other;
  }
  const auto text = [](int64_t expiry) { return expiry == kNever ? std::string("never") : utc_text(expiry); };
  add(db, key, "expires: " + text(left) + " in " + names_.left + ", " + text(right) + " in " + names_.right);
  return Done{};
}

Result<Done> Comparison::find_missing(int db, std::vector<std::string> keys) {
  for (const std::string& key : keys) left_->queue({"EXISTS", key});
  if (auto done = left_->flush(); !done) return done;
  std::vector<std::string> missing;
  for (const std::string& key : keys) {
    const Result<ReplyValue> exists = left_->reply();
    if (!exists) return Error{exists.error()};
    if (exists->integer == 0) missing.push_back(key);
  }
  for (const std::string& key : missing) {
    if (gave_up_) break;
    compared_++;
    if (auto done = compare_values(db, key); !done) return done;
  }
  return Done{};
}

}  // namespace holdfast
