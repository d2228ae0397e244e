#include "core/command/touched.h"

#include <algorithm>
#include <charconv>

#include "core/resp/words.h"

namespace holdfast {
namespace {

using Argv = std::vector<std::string_view>;

// Commands that write to the first key they name only.
constexpr std::string_view kFirstKeyOnly[] = {
    "geosearchstore", "pfmerge",     "sdiffstore",  "sinterstore", "sunionstore",
    "zdiffstore",     "zinterstore", "zrangestore", "zunionstore",
};

int number(std::string_view text) {
  int value = -1;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// What stands behind the last `word`, as in SORT … STORE destination.
void add_behind(std::string_view word, int db, const Argv& argv, Touched* touched) {
  for (size_t i = 2; i + 1 < argv.size(); i++) {
    if (same_word(argv[i], word)) touched->keys.push_back({db, argv[i + 1]});
  }
}

}  // namespace

Touched touched_by(const CommandInfo* command, int db, const Argv& argv, int databases) {
  Touched touched;
  if (command == nullptr) {
    touched.anything = true;
    return touched;
  }
  const std::string_view name = command->name;
  if (name == "flushall") {
    for (int i = 0; i < databases; i++) touched.databases.push_back(i);
  } else if (name == "flushdb") {
    touched.databases.push_back(db);
  } else if (name == "swapdb" && argv.size() == 3) {
    touched.databases = {number(argv[1]), number(argv[2])};
  } else if (name == "move" && argv.size() == 3) {
    touched.keys = {{db, argv[1]}, {number(argv[2]), argv[1]}};
  } else if (name == "copy" && argv.size() >= 3) {
    int to = db;
    for (size_t i = 3; i + 1 < argv.size(); i++) {
      if (same_word(argv[i], "DB")) to = number(argv[i + 1]);
    }
    touched.keys = {{to, argv[2]}};
  } else if (name == "sort" || name == "georadius" || name == "georadiusbymember") {
    add_behind("STORE", db, argv, &touched);
    add_behind("STOREDIST", db, argv, &touched);
  } else if (name == "bitop" && argv.size() > 2) {
    touched.keys = {{db, argv[2]}};
  } else if (std::find(std::begin(kFirstKeyOnly), std::end(kFirstKeyOnly), name) != std::end(kFirstKeyOnly)) {
    if (argv.size() > 1) touched.keys = {{db, argv[1]}};
  } else if (!command->write || name.starts_with("function")) {
    // PUBLISH, SCRIPT LOAD, PING … change no key.
  } else if (command->movable_keys || command->first_key <= 0 || command->key_step <= 0) {
    touched.anything = true;
  } else {
    for_each_key(*command, argv, [&](std::string_view key) { touched.keys.push_back({db, key}); });
  }
  return touched;
}

}  // namespace holdfast
