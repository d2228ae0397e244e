// Compares the data of two Redis servers, key by key: type, value and expiry. How a value is encoded inside does not
// count. Both must be replicas that nobody writes to: then nothing vanishes meanwhile. A key whose time has passed
// counts as absent.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/result.h"
#include "recovery/progress.h"
#include "recovery/redis_client.h"

namespace holdfast {

struct Difference {
  int db = -1;  // -1: not about a key
  std::string key;
  std::string what;
};

class Comparison {
 public:
  struct Names {
    std::string left;   // "Redis"
    std::string right;  // "the log"
  };
  Comparison(RedisClient* left, RedisClient* right, Names names)
      : left_(left), right_(right), names_(std::move(names)) {}

  // Keys for which this is true are left out.
  void leave_out(std::function<bool(int db, const std::string& key)> left_out) { left_out_ = std::move(left_out); }

  // Stops looking when there are more than `max_differences`.
  Result<Done> run(int databases, size_t max_differences, Progress* progress);

  const std::vector<Difference>& differences() const { return differences_; }
  bool gave_up() const { return gave_up_; }  // there may be more
  uint64_t compared() const { return compared_; }
  uint64_t left_out() const { return left_out_count_; }

 private:
  Result<Done> learn_features();
  Result<Done> compare_functions();
  Result<Done> compare_database(int db, Progress* progress);
  Result<Done> compare_keys(int db, std::vector<std::string> keys);
  Result<Done> find_missing(int db, std::vector<std::string> keys);
  Result<Done> compare_values(int db, const std::string& key);
  Result<Done> check_expiry(int db, const std::string& key, int64_t left, int64_t right);
  Result<int64_t> expiry_of(RedisClient* redis, const std::string& key) const;
  void add(int db, const std::string& key, const std::string& what);

  RedisClient* left_;
  RedisClient* right_;
  Names names_;
  std::function<bool(int, const std::string&)> left_out_;
  bool expire_time_ = false;   // PEXPIRETIME: 7.0 and newer
  bool field_expiry_ = false;  // HPEXPIRETIME: hash fields can expire
  bool functions_ = false;
  size_t max_differences_ = 0;
  bool gave_up_ = false;
  std::vector<Difference> differences_;
  uint64_t compared_ = 0;
  uint64_t left_out_count_ = 0;
  int64_t total_ = 0;
};

}  // namespace holdfast
