#include "core/stats/command_log.h"

#include <algorithm>
#include <utility>

#include "core/resp/reply.h"
#include "core/resp/words.h"

namespace holdfast {
namespace {

constexpr size_t kMostArguments = 32;
constexpr size_t kMostBytes = 128;
constexpr std::string_view kRedacted = "(redacted)";

// So short a request has neither many nor long arguments.
constexpr size_t kShort = kMostBytes;

// CONFIG SET: of which settings the value is a secret.
bool is_secret(std::string_view setting) {
  for (const std::string_view name : {"masterauth", "masteruser", "primaryauth", "primaryuser", "requirepass",
                                      "tls-key-file-pass", "tls-client-key-file-pass"}) {
    if (same_word(setting, name)) return true;
  }
  return false;
}

}  // namespace

void CommandLog::set_most(size_t entries) {
  most_ = entries;
  if (entries_.size() > most_) entries_.resize(most_);
}

void CommandLog::add(Entry entry) {
  entry.id = next_id_++;
  entries_.push_front(std::move(entry));
  if (entries_.size() > most_) entries_.pop_back();
}

void append_trimmed(std::string* out, const std::vector<std::string_view>& argv, std::string_view canonical) {
  if (canonical.size() <= kShort) {
    out->append(canonical);
    return;
  }
  const size_t count = std::min(argv.size(), kMostArguments);
  append_array_header(out, count);
  for (size_t i = 0; i < count; i++) {
    const std::string_view argument = argv[i];
    if (argv.size() > count && i == count - 1) {
      append_bulk(out, "... (" + std::to_string(argv.size() - count + 1) + " more arguments)");
    } else if (argument.size() > kMostBytes) {
      append_bulk(out, std::string(argument.substr(0, kMostBytes)) + "... (" +
                           std::to_string(argument.size() - kMostBytes) + " more bytes)");
    } else {
      append_bulk(out, argument);
    }
  }
}

void redact(std::string_view command, std::vector<std::string>* argv) {
  const auto hide = [&](size_t from, size_t count) {
    for (size_t i = from; i < argv->size() && i - from < count; i++) (*argv)[i] = kRedacted;
  };
  const std::string_view container = command.substr(0, command.find('|'));
  if (container == "auth") return hide(1, argv->size());
  if (argv->size() < 3) return;
  if (container == "acl") {
    const std::string& what = (*argv)[1];
    if (same_word(what, "SETUSER") || same_word(what, "DELUSER") || same_word(what, "GETUSER")) hide(2, argv->size());
  } else if (container == "config" && same_word((*argv)[1], "SET")) {
    for (size_t i = 2; i < argv->size(); i += 2) {
      if (is_secret((*argv)[i])) hide(i + 1, 1);
    }
  } else if (container == "hello" || container == "migrate") {
    // From the end: what is hidden already cannot hide that a password follows.
    const size_t passwords = container == "hello" ? 2 : 1;
    for (size_t i = argv->size() - 1; i >= 2; i--) {
      if (same_word((*argv)[i], "AUTH")) hide(i + 1, passwords);
      if (same_word((*argv)[i], "AUTH2")) hide(i + 1, 2);
    }
  }
}

}  // namespace holdfast
