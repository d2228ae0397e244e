// A connection to a Redis for questions and orders, one after the other or pipelined. Blocks, within bounds.
//
// Made of core/resp, like all of Holdfast: hiredis 0.14 cannot read the answer to COMMAND of a Redis 7 (nested deeper
// than it takes).
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/address.h"
#include "core/command/table.h"
#include "core/resp/reply.h"
#include "core/result.h"
#include "recovery/wire.h"

namespace holdfast {

struct Login {
  std::string username;
  std::string password;
  std::shared_ptr<const TlsContext> tls;  // nullptr: without TLS
};

class RedisClient {
 public:
  using Argv = std::vector<std::string_view>;
  static constexpr std::chrono::milliseconds kPatience{60000};
  static constexpr std::chrono::milliseconds kForever{std::chrono::hours(24 * 365)};

  static Result<RedisClient> connect(const Address& address, const Login& login);

  // An error reply is an error.
  Result<ReplyValue> ask(const Argv& argv, std::chrono::milliseconds patience = kPatience);

  // Pipelining: any number of queue(), one flush(), then as many reply(), whose value may be an error.
  void queue(const Argv& argv);
  Result<Done> flush();
  Result<ReplyValue> reply(std::chrono::milliseconds patience = kPatience);

  // What is asked often.
  Result<std::string> info();
  Result<int> databases();
  Result<CommandTable> commands();

  const Address& address() const { return address_; }
  std::string local_host() const { return holdfast::local_host(wire_.socket()); }

 private:
  RedisClient(Address address, Wire wire) : address_(std::move(address)), wire_(std::move(wire)) {}

  Error lost(const std::string& why) const;

  Address address_;
  Wire wire_;
  std::string out_;
  std::string in_;
  size_t taken_ = 0;  // of in_
  ReplyFramer framer_;
};

// The value of "name:value" in an answer to INFO; empty if it is not there.
std::string info_value(std::string_view info, std::string_view name);

// "db0:keys=12,…": how many keys each database has.
std::vector<std::pair<int, int64_t>> keys_by_database(std::string_view info);

}  // namespace holdfast
