// Users and their rights (ACL), as Holdfast knows them. Who may do what is Redis's own decision: a restricted user's
// commands are put to Redis, or executed by it, under a user with the same rights. Here stands only who is restricted
// at all. Source: https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast {

struct User {
  std::string rules;        // as in ACL LIST, behind the name: "on nopass ~* &* +@all"
  bool on = false;          // may sign in
  bool open = false;        // … without a password
  bool restricted = false;  // there is something that it may not do
  // What Redis answers it, where it may not use these; Holdfast sends them itself, around its commands.
  std::string no_multi, no_exec, no_discard;

  std::vector<std::string_view> words() const;  // of `rules`
};

// By name, in the order of ACL LIST.
// To who signs in with a name or a password that is none.
inline constexpr std::string_view kWrongPassword = "WRONGPASS invalid username-password pair or user is disabled.";

using Users = std::map<std::string, User, std::less<>>;

// `lines`: "user <name> <rules>", as in ACL LIST and ACL files. Holdfast's own users are left out.
Users parse_users(const std::vector<std::string>& lines);
std::vector<std::string> user_lines(const Users& users);
// The same in one text, as an ACL file and the value of a USERS record are.
Users parse_user_text(std::string_view text);
std::string user_text(const Users& users);

// Whom a client is before it signs in.
inline constexpr std::string_view kDefaultUser = "default";

// Users in Redis that are Holdfast's: not to be seen or used by clients.
inline constexpr std::string_view kOwnPrefix = "holdfast:";
inline constexpr std::string_view kOwnUser = "holdfast:proxy";    // what Holdfast signs in as
inline constexpr std::string_view kTrialUser = "holdfast:trial";  // on whom changes are tried
inline bool is_own_user(std::string_view name) { return name.starts_with(kOwnPrefix); }
// With the rights of `name`, and MULTI and DISCARD, between which Redis is asked.
std::string shadow_of(std::string_view name);
std::string user_of(std::string_view shadow);
// In front of a command in the log: in whose name it is to be executed. Written only where Redis must look at that
// while it executes it, so there is always an EFFECTS record in the place of such a batch, and no replica sees this.
inline constexpr std::string_view kActAs = "HOLDFAST.AS";
// What Redis says to a shadow, as it would say it to the user.
std::string without_shadow(std::string_view reply);

}  // namespace holdfast
