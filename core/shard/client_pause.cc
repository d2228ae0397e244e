#include "core/shard/client_pause.h"

#include <algorithm>

#include "core/resp/reply.h"

namespace holdfast {
namespace {

// Of a list of names, each with its value behind it; nullptr: it is not there.
const ReplyValue* field(const ReplyValue& fields, std::string_view name) {
  for (size_t i = 0; i + 1 < fields.elements.size(); i += 2) {
    if (fields.elements[i].text == name) return &fields.elements[i + 1];
  }
  return nullptr;
}

bool only_reads(const ReplyValue& function) {
  const ReplyValue* flags = field(function, "flags");
  return flags != nullptr && std::any_of(flags->elements.begin(), flags->elements.end(),
                                         [](const ReplyValue& flag) { return flag.text == "no-writes"; });
}

}  // namespace

void ClientPause::begin(int64_t until_ms, bool all) {
  all_ = all || (on() && all_);
  until_ms_ = std::max(until_ms_, until_ms);
}

void ClientPause::end() {
  until_ms_ = 0;
  wanted_ = asked_ = false;
  number_++;
  reading_functions_.clear();
}

bool ClientPause::only_reads(std::string_view function) {
  wanted_ = true;
  return reading_functions_.contains(function);
}

uint64_t ClientPause::begin_asking() {
  asked_ = true;
  return number_;
}

void ClientPause::on_functions(uint64_t pause, std::string_view reply) {
  if (pause != number_) return;
  if (reply.empty()) asked_ = false;
  const Result<ReplyValue> libraries = parse_reply(reply);
  if (!libraries.ok() || libraries->is_error()) return;
  for (const ReplyValue& library : libraries->elements) {
    const ReplyValue* functions = field(library, "functions");
    if (functions == nullptr) continue;
    for (const ReplyValue& function : functions->elements) {
      const ReplyValue* name = field(function, "name");
      if (name != nullptr && holdfast::only_reads(function)) reading_functions_.insert(name->text);
    }
  }
}

}  // namespace holdfast
