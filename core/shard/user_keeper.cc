#include "core/shard/user_keeper.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "core/deliberate_bug.h"
#include "core/resp/reply.h"
#include "core/resp/words.h"

namespace holdfast {
namespace {

std::string trial_name(size_t index) { return std::string(kTrialUser) + ":" + std::to_string(index); }

// What ACL LIST says of a user; empty: nothing.
std::string rules_of(const std::string& name, const std::vector<std::string>& lines) {
  const std::string begin = "user " + name + " ";
  const auto line = std::find_if(lines.begin(), lines.end(), [&](const auto& one) { return one.starts_with(begin); });
  return line == lines.end() ? std::string() : line->substr(begin.size());
}

std::vector<std::string> lines_of(std::string_view reply) {
  std::vector<std::string> lines;
  const Result<ReplyValue> value = parse_reply(reply);
  if (!value.ok()) return lines;
  for (const ReplyValue& line : value->elements) lines.push_back(line.text);
  return lines;
}

bool same_rules(const Users& a, const Users& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& one, const auto& other) {
    return one.first == other.first && one.second.rules == other.second.rules;
  });
}

std::string if_no_permission(std::string_view reply) {
  return reply.find("NOPERM") != std::string_view::npos ? without_shadow(reply) : std::string();  // EXEC says EXECABORT
}

}  // namespace

void UserKeeper::request(const std::vector<std::string_view>& argv, std::function<void(std::string_view)> answer) {
  if (!answer) answer = [](std::string_view) {};
  backend_->request(-1, argv, std::move(answer));
}

void UserKeeper::set_rules(std::string_view name, const std::vector<std::string_view>& words) {
  std::vector<std::string_view> argv = {"ACL", "SETUSER", name};
  argv.insert(argv.end(), words.begin(), words.end());
  request(argv);
}

// ---- Redis

void UserKeeper::attach() {
  request({"ACL", "LIST"}, [this](std::string_view reply) {
    const Users present = parse_users(lines_of(reply));
    apply(present, recorded_.position == kNoPosition ? present : parse_user_text(recorded_.list));
  });
}

// What the configuration says holds from the start.
void UserKeeper::apply_settings() {
  if (recorded_.position == kNoPosition && !options_.initial_users.empty()) {
    enforce(replacement(options_.initial_users));
  }
  if (!options_.requirepass.empty()) {
    Change change;
    change.rules = {{std::string(kDefaultUser), "resetpass", ">" + options_.requirepass}};
    enforce(std::move(change));
  }
}

void UserKeeper::enforce(Change change) {
  settings_due_++;
  change.done = [this, again = change](const std::string& reply) {
    settings_due_--;
    if (reply.starts_with("-NOTWRITTEN")) {
      enforce(again);
    } else if (reply.starts_with('-')) {
      world_->fatal("Redis does not take the users (users.file, users.requirepass): " +
                    reply.substr(1, reply.size() - 3));
    } else {
      tell();
    }
  };
  changes_.push_back(std::move(change));
}

void UserKeeper::on_redis_lost() {
  attached_ = applying_ = false;
  for (auto& [name, shadow] : shadows_) shadow.made = false;
  if (changes_.empty()) return;
  Change& change = changes_.front();
  if (change.stage == Change::Stage::kTrying) change.stage = Change::Stage::kWaiting;
}

// Makes Redis's users the wanted ones, and learns of them what must be known here.
void UserKeeper::apply(const Users& present, const Users& wanted) {
  applying_ = true;
  for (const auto& [name, user] : wanted) {
    const auto found = present.find(name);
    if (found != present.end() && found->second.rules == user.rules) continue;
    // "reset" would leave a flag that was not there.
    std::vector<std::string_view> words = user.words();
    if (name != kDefaultUser) {
      request({"ACL", "DELUSER", name});
    } else {
      words.insert(words.begin(), {"off", "resetpass", "resetkeys", "resetchannels", "-@all"});
      if (found != present.end() && found->second.rules.find('(') != std::string::npos)
        words.insert(words.begin(), "clearselectors");
    }
    set_rules(name, words);
  }
  for (const auto& [name, user] : present) {
    if (!wanted.contains(name) && name != kDefaultUser) request({"ACL", "DELUSER", name});
  }
  request({"ACL", "LIST"}, [this](std::string_view reply) {
    coming_ = parse_users(lines_of(reply));
    make_shadows();
  });
}

void UserKeeper::make_shadows() {
  for (const auto& [name, user] : coming_) {
    if (!user.restricted && !shadows_.contains(shadow_of(name))) continue;
    Shadow& shadow = shadows_[shadow_of(name)];
    if (shadow.rules == user.rules) continue;
    shadow.rules = user.rules;
    shadow.made = false;
  }
  for (auto& [name, shadow] : shadows_) {
    if (!shadow.made) make_shadow(name, &shadow);
  }
  request({"PING"}, [this](std::string_view) { applied(); });
}

// What it needs to be asked between MULTI and DISCARD is added last, when it is known whether the user has it.
void UserKeeper::make_shadow(const std::string& name, Shadow* shadow) {
  shadow->made = true;
  const std::string password = ">" + options_.own_password;
  User user;
  user.rules = shadow->rules;
  std::vector<std::string_view> words = user.words();
  words.insert(words.begin(), "reset");
  words.insert(words.end(), {"resetpass", "on", password});
  set_rules(name, words);
  const auto learn = [this, &name](std::string_view command, std::string* refusal) {
    backend_->request_as(name, {command}, [refusal](std::string_view reply) { *refusal = if_no_permission(reply); });
  };
  learn("EXEC", &shadow->no_exec);
  learn("DISCARD", &shadow->no_discard);
  set_rules(name, {"+discard"});
  learn("MULTI", &shadow->no_multi);
  backend_->request_as(name, {"DISCARD"}, [](std::string_view) {});
  set_rules(name, {"+multi"});
}

void UserKeeper::applied() {
  users_ = std::exchange(coming_, Users());
  for (auto& [name, user] : users_) {
    if (!user.restricted) continue;
    const Shadow& shadow = shadows_.at(shadow_of(name));
    user.no_multi = shadow.no_multi;
    user.no_exec = shadow.no_exec;
    user.no_discard = shadow.no_discard;
  }
  attached_ = true;
  generation_++;
  if (std::exchange(first_, false)) apply_settings();
  tell();
  request({"PING"}, [this](std::string_view) {
    applying_ = false;
    if (!changes_.empty() && changes_.front().stage == Change::Stage::kApplying) end_change();
  });
}

// Not before all that the settings say holds: who is connected already would get in as the user that was there before.
void UserKeeper::tell() {
  if (settings_due_ > 0) return;
  known_ = true;
  on_changed_();
}

// ---- changes

void UserKeeper::change(const std::vector<std::string_view>& argv, Done done) {
  Change change;
  change.done = std::move(done);
  const std::vector<std::string> rest(argv.begin() + 2, argv.end());
  if (same_word(argv[1], "DELUSER")) {
    change.deleted = rest;
  } else {
    change.rules.push_back(rest);
  }
  changes_.push_back(std::move(change));
}

UserKeeper::Change UserKeeper::replacement(std::string_view text) {
  Change change;
  change.replaces = true;
  for (const auto& [name, user] : parse_user_text(text)) {
    std::vector<std::string>& rules = change.rules.emplace_back();
    rules.push_back(name);
    for (const std::string_view word : user.words()) rules.emplace_back(word);
  }
  return change;
}

void UserKeeper::replace_all(std::string_view text, Done done) {
  Change change = replacement(text);
  change.done = std::move(done);
  changes_.push_back(std::move(change));
}

void UserKeeper::work(const Settled& settled, const std::string& refusal) {
  if (changes_.empty() || !attached_ || applying_) return;
  Change& change = changes_.front();
  if (change.stage == Change::Stage::kWaiting) try_change(&change);
  if (change.stage != Change::Stage::kTried) return;
  if (settings_due_ == 0 && !refusal.empty()) return refuse(refusal);
  if (!refusal.empty() || !line_->leading()) return;
  std::string list = user_text(change.result);
  // A reader finds it by its position, so it must be one entry.
  if (list.size() > line_->most_users_bytes()) {
    return refuse("NOTWRITTEN all users together take more than the " + std::to_string(line_->most_users_bytes()) +
                  " bytes that a record may have");
  }
  change.stage = Change::Stage::kInLog;
  line_->append_users(list, settled);
  if (kDeliberateBug == 15) std::exchange(change.done, [](const std::string&) {})(change.reply);  // not in the log yet
}

// Nothing that clients can see.
void UserKeeper::try_change(Change* change) {
  change->stage = Change::Stage::kTrying;
  change->result = change->replaces ? Users() : users_;
  int64_t deleted = 0;
  for (const std::string& name : change->deleted) {
    if (name == kDefaultUser) return refuse("ERR The 'default' user cannot be removed");
    deleted += static_cast<int64_t>(change->result.erase(name));
  }
  if (!change->deleted.empty()) {
    change->reply.clear();
    append_integer(&change->reply, deleted);
  }
  const auto refused = std::make_shared<std::string>();
  for (size_t i = 0; i < change->rules.size(); i++) {
    const std::vector<std::string>& rules = change->rules[i];
    const std::string trial = trial_name(i);
    const auto present = change->result.find(rules[0]);
    request({"ACL", "DELUSER", trial});  // left by a connection that broke
    if (present != change->result.end()) set_rules(trial, present->second.words());
    std::vector<std::string_view> argv = {"ACL", "SETUSER", trial};
    argv.insert(argv.end(), rules.begin() + 1, rules.end());
    request(argv, [refused](std::string_view reply) {
      if (reply.starts_with('-') && refused->empty()) *refused = reply;
    });
  }
  request({"ACL", "LIST"}, [this, refused](std::string_view reply) { tried(*refused, lines_of(reply)); });
  for (size_t i = 0; i < change->rules.size(); i++) request({"ACL", "DELUSER", trial_name(i)});
}

void UserKeeper::tried(const std::string& refused, const std::vector<std::string>& lines) {
  Change& change = changes_.front();
  if (!refused.empty()) {
    change.reply = refused;
    return end_change();
  }
  for (size_t i = 0; i < change.rules.size(); i++) {
    User& user = change.result[change.rules[i][0]];
    user.rules = rules_of(trial_name(i), lines);
    if (user.rules.empty()) return refuse("NOTWRITTEN Redis does not tell what became of the user");
  }
  if (!change.result.contains(kDefaultUser)) change.result[std::string(kDefaultUser)].rules = "on nopass ~* &* +@all";
  if (same_rules(change.result, users_)) return end_change();
  change.stage = Change::Stage::kTried;
}

void UserKeeper::on_committed(Position position) {
  Change& change = changes_.front();
  recorded_ = {position, user_text(change.result)};
  change.stage = Change::Stage::kApplying;
  if (attached_) apply(users_, change.result);  // else attach() does
}

void UserKeeper::on_void(const std::string& reason) { refuse("NOTWRITTEN " + reason); }

void UserKeeper::refuse(std::string_view error) {
  changes_.front().reply.clear();
  append_error(&changes_.front().reply, error);
  end_change();
}

void UserKeeper::end_change() {
  Change change = std::move(changes_.front());
  changes_.pop_front();
  change.done(change.reply);
}

}  // namespace holdfast
