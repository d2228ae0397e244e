#include "tests/simulation/sim_dataset.h"

#include <charconv>

#include "core/replication/feed.h"

namespace holdfast::simulation {
namespace {

constexpr std::string_view kMagic = "REDIS0009";
constexpr std::string_view kOurs = "\xfa";

void put(std::string* out, std::string_view text) {
  out->append(std::to_string(text.size()));
  out->push_back(':');
  out->append(text);
}

class Reader {
 public:
  explicit Reader(std::string_view rest) : rest_(rest) {}

  bool done() const { return rest_.empty() || !good_; }
  bool good() const { return good_; }

  std::string take() {
    size_t size = 0;
    const size_t colon = rest_.find(':');
    good_ = good_ && colon != std::string_view::npos &&
            std::from_chars(rest_.data(), rest_.data() + colon, size).ec == std::errc() &&
            rest_.size() - colon - 1 >= size;
    if (!good_) return {};
    std::string text(rest_.substr(colon + 1, size));
    rest_.remove_prefix(colon + 1 + size);
    return text;
  }
  int64_t number() {
    const std::string text = take();
    int64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
  }

 private:
  std::string_view rest_;
  bool good_ = true;
};

std::vector<std::string> elements(const Value& value) {
  switch (value.kind) {
    case Value::Kind::kString: return {value.text};
    case Value::Kind::kList: return {value.list.begin(), value.list.end()};
    case Value::Kind::kSet: return {value.members.begin(), value.members.end()};
    case Value::Kind::kHash: break;
  }
  std::vector<std::string> all;
  for (const auto& [field, content] : value.fields) {
    all.push_back(field);
    all.push_back(content);
  }
  return all;
}

void add_elements(Value* value, std::vector<std::string> all) {
  switch (value->kind) {
    case Value::Kind::kString:
      if (!all.empty()) value->text = std::move(all[0]);
      break;
    case Value::Kind::kList: value->list.assign(all.begin(), all.end()); break;
    case Value::Kind::kSet: value->members.insert(all.begin(), all.end()); break;
    case Value::Kind::kHash:
      for (size_t i = 0; i + 1 < all.size(); i += 2) value->fields[all[i]] = all[i + 1];
      break;
  }
}

}  // namespace

size_t Dataset::size() const {
  size_t keys = 0;
  for (const Database& database : databases) keys += database.size();
  return keys;
}

std::string save_rdb(const Dataset& data, const RdbExtra& extra) {
  std::string out(kMagic);
  out.append(kOurs);
  put(&out, extra.replid);
  put(&out, std::to_string(extra.offset));
  for (size_t db = 0; db < data.databases.size(); db++) {
    for (const auto& [key, value] : data.databases[db]) {
      put(&out, std::to_string(db));
      put(&out, key);
      put(&out, std::string(1, static_cast<char>(value.kind)));
      put(&out, std::to_string(value.expires_ms));
      const std::vector<std::string> all = elements(value);
      put(&out, std::to_string(all.size()));
      for (const std::string& element : all) put(&out, element);
    }
  }
  return out;
}

std::optional<Dataset> load_rdb(std::string_view rdb, int databases, RdbExtra* extra) {
  Dataset data(databases);
  if (rdb == kEmptyRdb) return data;
  if (!rdb.starts_with(kMagic) || !rdb.substr(kMagic.size()).starts_with(kOurs)) return std::nullopt;
  Reader reader(rdb.substr(kMagic.size() + kOurs.size()));
  extra->replid = reader.take();
  extra->offset = reader.number();
  while (!reader.done()) {
    const int64_t db = reader.number();
    const std::string key = reader.take();
    const std::string kind = reader.take();
    Value value;
    value.expires_ms = reader.number();
    std::vector<std::string> all(static_cast<size_t>(reader.number()));
    for (std::string& element : all) element = reader.take();
    if (!reader.good() || kind.size() != 1 || db < 0 || db >= databases) return std::nullopt;
    value.kind = static_cast<Value::Kind>(kind[0]);
    add_elements(&value, std::move(all));
    data[static_cast<int>(db)].insert_or_assign(key, std::move(value));
  }
  if (!reader.good()) return std::nullopt;
  return data;
}

std::string describe(const Value& value) {
  std::string out(1, static_cast<char>(value.kind));
  for (const std::string& element : elements(value)) {
    out += ' ';
    out += element.size() > 60 ? element.substr(0, 60) + "…" : element;
  }
  if (value.expires_ms != kNoExpiry) out += " expires " + std::to_string(value.expires_ms);
  return out;
}

std::string differences(const Dataset& a, const Dataset& b, int reserved_db) {
  std::string out;
  int found = 0;
  auto tell = [&](int db, const std::string& key, const Value* left, const Value* right) {
    if (++found > 5) return;
    out += "\n  db" + std::to_string(db) + " " + key + ": " + (left != nullptr ? describe(*left) : "absent") + " | " +
           (right != nullptr ? describe(*right) : "absent");
  };
  for (int db = 0; db < static_cast<int>(a.databases.size()); db++) {
    if (db == reserved_db) continue;
    for (const auto& [key, value] : a[db]) {
      const auto other = b[db].find(key);
      if (other == b[db].end()) {
        tell(db, key, &value, nullptr);
      } else if (!(other->second == value)) {
        tell(db, key, &value, &other->second);
      }
    }
    for (const auto& [key, value] : b[db]) {
      if (!a[db].contains(key)) tell(db, key, nullptr, &value);
    }
  }
  if (found > 5) out += "\n  and " + std::to_string(found - 5) + " more";
  return out;
}

}  // namespace holdfast::simulation
