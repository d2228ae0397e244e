// Short ways to say what a local command answers.
#pragma once

#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>

#include "core/resp/reply.h"
#include "core/shard/local_commands.h"

namespace holdfast {

inline LocalCommands::Outcome error(std::string_view text) {
  LocalCommands::Outcome outcome;
  append_error(&outcome.reply, text);
  return outcome;
}

inline LocalCommands::Outcome simple(std::string_view text) {
  LocalCommands::Outcome outcome;
  append_simple(&outcome.reply, text);
  return outcome;
}

inline LocalCommands::Outcome bulk(std::string_view text) {
  LocalCommands::Outcome outcome;
  append_bulk(&outcome.reply, text);
  return outcome;
}

inline LocalCommands::Outcome integer(int64_t number) {
  LocalCommands::Outcome outcome;
  append_integer(&outcome.reply, number);
  return outcome;
}

inline LocalCommands::Outcome backend(Filter filter = Filter::kNone) { return {.to_backend = true, .filter = filter}; }

// As Redis takes integers: no sign "+", no leading zeros.
inline bool parse_int(std::string_view text, int64_t* number) {
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), *number);
  return problem == std::errc() && end == text.data() + text.size() && std::to_string(*number) == text;
}

// Redis's rule for names of clients: nothing that would spoil CLIENT LIST.
inline bool printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '!' && c <= '~'; });
}

}  // namespace holdfast
