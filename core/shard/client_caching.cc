// CLIENT TRACKING and its kin, and CLIENT PAUSE.
#include <algorithm>

#include "core/resp/words.h"
#include "core/shard/frontdesk.h"
#include "core/shard/outcomes.h"

namespace holdfast {
namespace {

// Redis's check that the prefixes of one client do not overlap; empty: they do not.
std::string overlap(const std::vector<std::string>& old, const std::vector<std::string>& fresh) {
  const auto overlaps = [](std::string_view a, std::string_view b) { return a.starts_with(b) || b.starts_with(a); };
  for (size_t i = 0; i < fresh.size(); i++) {
    for (const std::string& other : old) {
      if (overlaps(fresh[i], other)) {
        return "ERR Prefix '" + fresh[i] + "' overlaps with an existing prefix '" + other +
               "'. Prefixes for a single client must not overlap.";
      }
    }
    for (size_t j = i + 1; j < fresh.size(); j++) {
      if (overlaps(fresh[i], fresh[j])) {
        return "ERR Prefix '" + fresh[i] + "' overlaps with another provided prefix '" + fresh[j] +
               "'. Prefixes for a single client must not overlap.";
      }
    }
  }
  return {};
}

}  // namespace

LocalCommands::Outcome LocalCommands::client_tracking(const Argv& argv) {
  Tracking::Options options;
  for (size_t i = 3; i < argv.size(); i++) {
    const bool more = i + 1 < argv.size();
    if (same_word(argv[i], "REDIRECT") && more) {
      if (options.redirect != 0) return error("ERR A client can only redirect to a single other client");
      if (!parse_int(argv[++i], &options.redirect)) return error("ERR value is not an integer or out of range");
      if (desk_->find_number(options.redirect) == nullptr) {
        return error("ERR The client ID you want redirect to does not exist");
      }
    } else if (same_word(argv[i], "BCAST")) {
      options.broadcast = true;
    } else if (same_word(argv[i], "OPTIN")) {
      options.opt_in = true;
    } else if (same_word(argv[i], "OPTOUT")) {
      options.opt_out = true;
    } else if (same_word(argv[i], "NOLOOP")) {
      options.no_loop = true;
    } else if (same_word(argv[i], "PREFIX") && more) {
      options.prefixes.emplace_back(argv[++i]);
    } else {
      return error("ERR syntax error");
    }
  }
  Tracking& tracking = desk_->tracking_;
  const Tracking::Options* before = tracking.of(session_->id());
  if (same_word(argv[2], "OFF")) {
    tracking.end(session_->id());
    return simple("OK");
  }
  if (!same_word(argv[2], "ON")) return error("ERR syntax error");
  if (!options.broadcast && !options.prefixes.empty()) {
    return error("ERR PREFIX option requires BCAST mode to be enabled");
  }
  if (before != nullptr && before->broadcast != options.broadcast) {
    return error(
        "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling it "
        "with a different mode.");
  }
  if (options.broadcast && (options.opt_in || options.opt_out)) {
    return error("ERR OPTIN and OPTOUT are not compatible with BCAST");
  }
  if (options.opt_in && options.opt_out) {
    return error("ERR You can't specify both OPTIN mode and OPTOUT mode");
  }
  if (before != nullptr && ((options.opt_in && before->opt_out) || (options.opt_out && before->opt_in))) {
    return error(
        "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then re-enabling it "
        "with a different mode.");
  }
  if (options.broadcast) {
    const std::vector<std::string> old = before == nullptr ? std::vector<std::string>() : before->prefixes;
    if (const std::string problem = overlap(old, options.prefixes); !problem.empty()) return error(problem);
    options.prefixes.insert(options.prefixes.begin(), old.begin(), old.end());
    if (options.prefixes.empty()) options.prefixes.emplace_back();
    std::sort(options.prefixes.begin(), options.prefixes.end());
  }
  tracking.begin(session_->id(), options);
  return simple("OK");
}

LocalCommands::Outcome LocalCommands::client_caching(const Argv& argv) {
  const Tracking::Options* options = desk_->tracking_.of(session_->id());
  if (options == nullptr) {
    return error(
        "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled");
  }
  const bool yes = same_word(argv[2], "YES");
  if (!yes && !same_word(argv[2], "NO")) return error("ERR syntax error");
  if (yes && !options->opt_in) {
    return error("ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.");
  }
  if (!yes && !options->opt_out) {
    return error("ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.");
  }
  session_->caching = yes;
  return simple("OK");
}

LocalCommands::Outcome LocalCommands::client_tracking_info() const {
  const Tracking::Options* options = desk_->tracking_.of(session_->id());
  std::vector<std::string_view> flags = {options == nullptr ? "off" : "on"};
  if (options != nullptr) {
    if (options->broadcast) flags.push_back("bcast");
    if (options->opt_in) flags.push_back("optin");
    if (options->opt_in && session_->caching == true) flags.push_back("caching-yes");
    if (options->opt_out) flags.push_back("optout");
    if (options->opt_out && session_->caching == false) flags.push_back("caching-no");
    if (options->no_loop) flags.push_back("noloop");
    if (options->redirect_broken) flags.push_back("broken_redirect");
  }
  Outcome outcome;
  append_map_header(&outcome.reply, 3, session_->protocol);
  append_bulk(&outcome.reply, "flags");
  append_set_header(&outcome.reply, flags.size(), session_->protocol);
  for (const std::string_view flag : flags) append_bulk(&outcome.reply, flag);
  append_bulk(&outcome.reply, "redirect");
  append_integer(&outcome.reply, options == nullptr ? -1 : options->redirect);
  append_bulk(&outcome.reply, "prefixes");
  const size_t prefixes = options == nullptr ? 0 : options->prefixes.size();
  append_array_header(&outcome.reply, prefixes);
  for (size_t i = 0; i < prefixes; i++) append_bulk(&outcome.reply, options->prefixes[i]);
  return outcome;
}

LocalCommands::Outcome LocalCommands::client_pause(const Argv& argv) {
  int64_t ms = 0;
  const bool writes_only = argv.size() == 4 && same_word(argv[3], "WRITE");
  if (argv.size() == 4 && !writes_only && !same_word(argv[3], "ALL")) {
    return error("ERR CLIENT PAUSE mode must be WRITE or ALL");
  }
  if (!parse_int(argv[2], &ms)) return error("ERR timeout is not an integer or out of range");
  if (ms < 0) return error("ERR timeout is negative");
  const int64_t now = desk_->world_->monotonic_ms();
  if (ms > INT64_MAX - now) return error("ERR timeout is out of range");
  desk_->pause_.begin(now + ms, !writes_only);
  return simple("OK");
}

}  // namespace holdfast
