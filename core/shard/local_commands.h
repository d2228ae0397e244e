// Commands that are about the connection or about Holdfast itself: answered here, without Redis.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/shard/batch.h"
#include "core/shard/client_filter.h"

namespace holdfast {

class Frontdesk;
class Session;

class LocalCommands {
 public:
  struct Outcome {
    std::string reply;        // RESP; what the client gets
    bool to_backend = false;  // Redis answers after all, as a read
    Filter filter = Filter::kNone;
  };

  LocalCommands(Frontdesk* desk, Session* session) : desk_(desk), session_(session) {}

  // `name` as in the table: "ping", "client|id". Arity has been checked.
  Outcome run(std::string_view name, const std::vector<std::string_view>& argv);

  static std::string hello_error(const std::vector<std::string_view>& argv, size_t end);
  std::string describe(const Session& session) const;  // a line of CLIENT LIST

 private:
  using Argv = std::vector<std::string_view>;
  using Handler = Outcome (LocalCommands::*)(const Argv& argv);
  struct Entry {
    std::string_view name;
    Handler handler;
  };
  static const Entry kEntries[];

  Outcome ping(const Argv& argv);
  Outcome http(const Argv& argv);
  Outcome echo(const Argv& argv);
  Outcome select(const Argv& argv);
  Outcome multi(const Argv& argv);
  Outcome discard(const Argv& argv);
  Outcome unwatch(const Argv& argv);
  Outcome quit(const Argv& argv);
  Outcome reset(const Argv& argv);
  Outcome hello(const Argv& argv);
  Outcome auth(const Argv& argv);
  Outcome client(const Argv& argv);
  Outcome cluster(const Argv& argv);
  Outcome node_state(const Argv& argv);
  Outcome client_list(const Argv& argv);
  Outcome client_kill(const Argv& argv);
  Outcome client_pause(const Argv& argv);
  Outcome client_tracking(const Argv& argv);
  Outcome client_caching(const Argv& argv);
  Outcome client_tracking_info() const;
  void speak_up();
  Outcome subscribe(const Argv& argv);
  Outcome unsubscribe(const Argv& argv);
  Outcome pubsub(const Argv& argv);
  Outcome info(const Argv& argv);
  Outcome config(const Argv& argv);
  Outcome memory(const Argv& argv);
  Outcome debug(const Argv& argv);
  Outcome role(const Argv& argv);
  Outcome slowlog(const Argv& argv);
  Outcome commandlog(const Argv& argv);
  Outcome latency_histogram(const Argv& argv);
  Outcome wait(const Argv& argv);
  Outcome waitaof(const Argv& argv);
  Outcome replicaof(const Argv& argv);
  Outcome replconf(const Argv& argv);
  Outcome sync(const Argv& argv);
  Outcome acl(const Argv& argv);
  Outcome acl_save() const;
  Outcome monitor(const Argv& argv);

  ClientFacts facts_of(const Session& session) const;
  Outcome verbatim(std::string_view text) const;
  std::string flags_of(const Session& session) const;

  Frontdesk* desk_;
  Session* session_;
};

}  // namespace holdfast
