// Strings and numbers of the simulated Redis.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "tests/simulation/sim_redis_call.h"

namespace holdfast::simulation {
namespace {

std::string number_text(double number) {
  char text[64];
  std::snprintf(text, sizeof text, "%.15g", number);
  return text;
}

}  // namespace

void SimCommands::Call::get() {
  Value* value = nullptr;
  if (!find_kind(arg(1), Value::Kind::kString, &value)) return;
  value != nullptr ? bulk(value->text) : nil();
}

void SimCommands::Call::set() {
  bool nx = false, xx = false, get_old = false, keep = false, syntax = false;
  int64_t expires = kNoExpiry;
  for (size_t i = 3; i < argv.size(); i++) {
    if (is(i, "NX")) {
      nx = true;
    } else if (is(i, "XX")) {
      xx = true;
    } else if (is(i, "GET")) {
      get_old = true;
    } else if (is(i, "KEEPTTL")) {
      keep = true;
    } else if (is(i, "PXAT") && i + 1 < argv.size()) {
      if (!number_arg(++i, &expires)) return error(kNotInteger);
    } else {
      syntax = true;
    }
  }
  if (syntax || (nx && xx)) return error(kSyntax);
  Value* old = find(arg(1));
  if (get_old && old != nullptr && old->kind != Value::Kind::kString) return error(kWrongType);
  const std::string old_text = old != nullptr ? old->text : "";
  const bool was = old != nullptr;
  if ((nx && was) || (xx && !was)) return get_old && was ? bulk(old_text) : nil();
  if (keep && was) expires = old->expires_ms;
  Value& value = make(arg(1), Value::Kind::kString);
  value.text = arg(2);
  value.expires_ms = expires;
  if (get_old && !(expires != kNoExpiry && !keep)) {
    Argv without = argv;
    without.erase(std::remove_if(without.begin() + 3, without.end(), [](auto word) { return same_word(word, "GET"); }),
                  without.end());
    tell(without);
  } else {
    tell_own();
  }
  if (!get_old) return ok();
  was ? bulk(old_text) : nil();
}

void SimCommands::Call::set_for(int64_t factor) {
  int64_t time = 0;
  if (!number_arg(2, &time)) return error(kNotInteger);
  if (time <= 0) return error("ERR invalid expire time");
  Value& value = make(arg(1), Value::Kind::kString);
  value.text = arg(3);
  value.expires_ms = context.now_ms + time * factor;
  commands->dialect_.old ? tell_own() : tell({"SET", arg(1), arg(3), "PXAT", std::to_string(value.expires_ms)});
  ok();
}

void SimCommands::Call::setex() { set_for(1000); }

void SimCommands::Call::psetex() { set_for(1); }

void SimCommands::Call::setnx() {
  if (find(arg(1)) != nullptr) return integer(0);
  make(arg(1), Value::Kind::kString).text = arg(2);
  tell_own();
  integer(1);
}

void SimCommands::Call::incr() {
  Value* value = nullptr;
  if (!find_kind(arg(1), Value::Kind::kString, &value)) return;
  const std::optional<int64_t> old = value != nullptr ? parse_integer(value->text) : 0;
  if (!old) return error(kNotInteger);
  if (value == nullptr) value = &make(arg(1), Value::Kind::kString);
  value->text = std::to_string(*old + 1);
  tell_own();
  integer(*old + 1);
}

void SimCommands::Call::incrbyfloat() {
  Value* value = nullptr;
  if (!find_kind(arg(1), Value::Kind::kString, &value)) return;
  char* end = nullptr;
  const std::string old_text = value != nullptr ? value->text : "0";
  const double old = std::strtod(old_text.c_str(), &end);
  if (*end != '\0') return error("ERR value is not a valid float");
  if (value == nullptr) value = &make(arg(1), Value::Kind::kString);
  value->text = number_text(old + std::atof(std::string(arg(2)).c_str()));
  tell({"SET", arg(1), value->text, "KEEPTTL"});
  bulk(value->text);
}

void SimCommands::Call::append() {
  Value* value = nullptr;
  if (!find_kind(arg(1), Value::Kind::kString, &value)) return;
  if (value == nullptr) value = &make(arg(1), Value::Kind::kString);
  value->text += arg(2);
  tell_own();
  integer(static_cast<int64_t>(value->text.size()));
}

void SimCommands::Call::getdel() {
  Value* value = nullptr;
  if (!find_kind(arg(1), Value::Kind::kString, &value)) return;
  if (value == nullptr) return nil();
  bulk(value->text);
  erase(arg(1));
  tell({"DEL", arg(1)});
}

void SimCommands::Call::getex() {
  Value* value = nullptr;
  if (!find_kind(arg(1), Value::Kind::kString, &value)) return;
  if (value == nullptr) return nil();
  bulk(value->text);
  if (argv.size() == 3 && is(2, "PERSIST")) {
    if (value->expires_ms == kNoExpiry) return;
    value->expires_ms = kNoExpiry;
    tell({"PERSIST", arg(1)});
  } else if (argv.size() == 4) {
    int64_t expires = 0;
    if (number_arg(3, &expires)) expire_at(value, arg(1), expires, {"PEXPIREAT", arg(1), arg(3)});
  }
}

}  // namespace holdfast::simulation
