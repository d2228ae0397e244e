// What the subcommands of holdfast-recover take, and how they end.
#pragma once

#include <CLI/App.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/address.h"
#include "core/record/record.h"
#include "core/result.h"
#include "log/log.h"
#include "recovery/redis_client.h"

namespace holdfast {

enum Exit : int { kExitDone = 0, kExitFailed = 1, kExitUsage = 2 };

// Why a subcommand ends, with the exit status that says so.
struct Failure {
  Failure(Error error, int exit_status = kExitFailed)  // NOLINT(google-explicit-constructor)
      : what(std::move(error.what)), status(exit_status) {}
  std::string what;
  int status;
};

// A subcommand registers itself with the app; run() is called if it was chosen and returns the exit status.
class Subcommand {
 public:
  virtual ~Subcommand() = default;
  virtual std::optional<Failure> run(int* status) = 0;

  CLI::App* app = nullptr;
};

std::unique_ptr<Subcommand> make_replay_command(CLI::App* parent);
std::unique_ptr<Subcommand> make_verify_command(CLI::App* parent);
std::unique_ptr<Subcommand> make_inspect_command(CLI::App* parent);
std::unique_ptr<Subcommand> make_copy_command(CLI::App* parent);

// Options that several of them have.
struct LogFlags {
  std::string url;
  std::string config;  // a file whose Kafka properties count
  std::vector<std::string> kafka_properties;

  void add_to(CLI::App* app);
};
struct PrivateRedisFlags {
  std::string program = "redis-server";
  std::string snapshots = "snapshots";

  void add_to(CLI::App* app);
};
struct LoginFlags {
  Login login;
  std::shared_ptr<const TlsContext> feed_tls;  // for a feed that this Redis connects to; nullptr: without TLS

  void add_to(CLI::App* app);
  // `redis`: whom they are about.
  std::optional<Failure> read(const Address& redis);

 private:
  std::optional<Failure> read_password();
  std::optional<Failure> load_certificates(const Address& redis);

  std::string password_file_;
  bool tls_ = false;
  TlsOptions tls_options_;
  std::string tls_verify_ = "host";
};

// Makes an option take exactly one value, also one that begins with "-".
CLI::Option* one_value(CLI::Option* option, const std::string& type_name);

struct OpenLog {
  bool for_writing = false;
  bool create_topic = false;
  int replication_factor = 3;
  int min_insync_replicas = 2;
};
// Opens a log, the one of the flags or another at brokers with the same properties. A wrong URL or property is a usage
// error.
std::optional<Failure> open_log(const std::string& url, const LogFlags& flags, const OpenLog& how,
                                std::unique_ptr<Log>* log);

// Where a log begins. One that is empty has no id.
struct LogStart {
  std::string id;
  Position begin = 0;
  Position end = 0;
  int64_t time_ms = 0;          // of its first record
  Position base = kNoPosition;  // of the base snapshot's record, if there is one
  int64_t base_time_ms = 0;
};
Result<LogStart> look_at_start(Log* log);

std::string hex16(uint64_t number);

}  // namespace holdfast
