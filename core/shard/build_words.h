#pragma once

#include <string>
#include <vector>

#include "core/cluster/replies.h"
#include "core/shard/client_filter.h"

namespace holdfast {

// What this build says itself where Holdfast answers in its place: builds differ.
struct BuildWords {
  std::string hello[2];  // to HELLO 2 and HELLO 3; empty: not known yet
  // To MULTI and WATCH inside MULTI, and whether the transaction is lost with it.
  std::string nested_multi = "-ERR MULTI calls can not be nested\r\n";
  std::string nested_watch = "-ERR WATCH inside MULTI is not allowed\r\n";
  bool nested_aborts = false;
  // What a subscriber in RESP2 may say.
  std::string subscriber_commands = "(P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET";
  // To who waits in XREADGROUP when its group goes, or its stream. Empty: what XREADGROUP says then; no stream_gone: it
  // waits on.
  std::string group_gone, stream_gone;
  std::string hello_needs_auth =
      "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> "
      "<pass> "
      "option can be used to authenticate the client and select the RESP protocol version at the same time";
  std::vector<std::string> client_fields;  // what CLIENT LIST tells of a client; empty: not known yet
  bool signs_in_first = false;             // who must sign in is not told what is wrong with a command
  bool hello_looks_first = false;          // at all of its options, before it signs in
  bool load_ends_all = false;              // ACL LOAD closes the connections of all users but the default one
  bool pushes_when_silent = true;          // messages and the like come in spite of CLIENT REPLY OFF
  bool evicts_clients = true;              // there is maxmemory-clients
  bool queues_without_memory = true;       // over maxmemory, MULTI takes what needs none
  bool script_notes_memory = false;        // for scripts, only a script notes that memory is over maxmemory
  ClientFilter::Dialect client_filters = ClientFilter::Dialect::kRedis;
  // To ACL LOAD and ACL SAVE where there is none.
  std::string no_users_file =
      "ERR This Redis instance is not configured to use an ACL file. You may want to specify users via the ACL SETUSER "
      "command and then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) in order to store "
      "users in the Redis configuration.";
  ClusterDialect cluster_dialect = ClusterDialect::kRedis7;
};

}  // namespace holdfast
