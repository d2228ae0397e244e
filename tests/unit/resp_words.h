// Requests written as text: words("SET key value") is the array of bulk strings.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/resp/request.h"

namespace holdfast::testing {

inline std::vector<std::string_view> split(std::string_view text, char separator = ' ') {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return parts;
}

// Several requests are separated by " | ": words("MULTI | GET a | EXEC").
inline std::string words(std::string_view text) {
  std::string out;
  std::vector<std::string_view> argv;
  for (const std::string_view word : split(text)) {
    if (word == "|") {
      append_request(&out, argv);
      argv.clear();
    } else {
      argv.push_back(word);
    }
  }
  if (!argv.empty()) append_request(&out, argv);
  return out;
}

// The way back, for messages that a reader understands.
inline std::string as_words(std::string_view requests) {
  std::string out;
  RequestParser parser;
  while (!requests.empty() && parser.parse(requests) == RequestParser::Status::kComplete) {
    if (!out.empty()) out += " | ";
    for (size_t i = 0; i < parser.argv().size(); i++) {
      if (i > 0) out += ' ';
      out += parser.argv()[i];
    }
    requests.remove_prefix(parser.consumed());
  }
  return requests.empty() ? out : out + " … and what is no request";
}

}  // namespace holdfast::testing
