// Keeps the users: in the log, whose newest USERS record says who they are, and in Redis, which is made to agree with
// it.
//
// A change is tried on a user of its own first, so that Redis says in its words what is wrong with it, and what comes
// of it; then all users go into the log as one record, then Redis gets them, and then the client its answer. As long as
// nobody has changed anything there is no such record, and Redis's users are those of its own configuration.
//
// A restricted user has a shadow in Redis: see shadow_of(). Shadows stay, as commands that were admitted may still
// come.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/replication/replay.h"
#include "core/shard/backend.h"
#include "core/shard/commit_line.h"
#include "core/shard/options.h"
#include "core/shard/users.h"

namespace holdfast {

class UserKeeper {
 public:
  using Done = std::function<void(const std::string& reply)>;

  // `on_changed` is called whenever somebody's rights have changed, before whoever changed them is answered. What it
  // asks Redis is answered before that, too.
  UserKeeper(World* world, Backend* backend, CommitLine* line, const ShardOptions& options,
             std::function<void()> on_changed)
      : world_(world), backend_(backend), line_(line), options_(options), on_changed_(std::move(on_changed)) {}

  // Redis has come (back). What the log says at the start of this process is told once.
  void learn_recorded(const RecordedUsers& recorded) { recorded_ = recorded; }
  void attach();
  void on_redis_lost();
  // Whether Redis has got all users, shadows included. What users may do while that is changed once more is what they
  // could do before.
  bool attached() const { return attached_ && settings_due_ == 0; }
  // Something will be executed in its name. Should its user be gone by now, it may do nothing.
  void expect_shadow(const std::string& shadow) { shadows_.try_emplace(shadow); }

  // As long as they are not known: none.
  const Users& users() const { return known_ ? users_ : nobody_; }
  // Grows with each change of anybody's rights.
  uint64_t generation() const { return generation_; }
  // Of the USERS record that holds; kNoPosition: none.
  Position position() const { return recorded_.position; }

  // Each is carried out when its turn has come. The reply is Redis's own, or says what became of it.
  // ACL SETUSER name rule …, ACL DELUSER name …
  void change(const std::vector<std::string_view>& argv, Done done);
  // All at once, in the place of those that are there: the text of an ACL file.
  void replace_all(std::string_view text, Done done);

  // Goes on with what can go on; to be called every turn. `settled` goes into a record's header. `refusal`: why the log
  // takes nothing just now, "" if it does.
  void work(const Settled& settled, const std::string& refusal);
  void on_committed(Position position);
  void on_void(const std::string& reason);

 private:
  struct Change {
    enum class Stage { kWaiting, kTrying, kTried, kInLog, kApplying };
    Stage stage = Stage::kWaiting;
    bool replaces = false;                        // all that are there
    std::vector<std::string> deleted;             // names
    std::vector<std::vector<std::string>> rules;  // of each user: its name first, then what ACL SETUSER gets
    Users result;
    std::string reply = "+OK\r\n";
    Done done;
  };

  struct Shadow {
    std::string rules;  // of the user
    bool made = false;  // in the Redis that is there now
    std::string no_multi, no_exec, no_discard;
  };

  void apply_settings();
  void enforce(Change change);
  void request(const std::vector<std::string_view>& argv, std::function<void(std::string_view reply)> answer = {});
  void set_rules(std::string_view name, const std::vector<std::string_view>& words);
  static Change replacement(std::string_view text);
  void apply(const Users& present, const Users& wanted);
  void make_shadows();
  void make_shadow(const std::string& name, Shadow* shadow);
  void applied();
  void tell();
  void try_change(Change* change);
  void tried(const std::string& refused, const std::vector<std::string>& lines);
  void refuse(std::string_view error);
  void end_change();

  World* world_;
  Backend* backend_;
  CommitLine* line_;
  const ShardOptions& options_;
  const std::function<void()> on_changed_;
  Users users_;   // that Redis has
  Users coming_;  // … as soon as all is known of them
  const Users nobody_;
  bool known_ = false;  // what holds now, with what the settings say
  RecordedUsers recorded_;
  std::map<std::string, Shadow> shadows_;
  std::deque<Change> changes_;
  bool attached_ = false;
  bool applying_ = false;
  bool first_ = true;
  int settings_due_ = 0;  // changes that must be made before anybody is served
  uint64_t generation_ = 0;
};

}  // namespace holdfast
