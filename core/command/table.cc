#include "core/command/table.h"

#include <xxhash.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <utility>

#include "core/resp/words.h"

namespace holdfast {
namespace {

constexpr size_t kMaxNameBytes = 128;

// A command's name in lower case on the stack: find() must not allocate.
class NameBuffer {
 public:
  // False: too long for any name in the table.
  bool append(std::string_view text) {
    if (text.size() > bytes_.size() - size_) return false;
    std::transform(text.begin(), text.end(), bytes_.begin() + static_cast<std::ptrdiff_t>(size_), lower);
    size_ += text.size();
    return true;
  }
  std::string_view view() const { return {bytes_.data(), size_}; }

 private:
  std::array<char, kMaxNameBytes> bytes_;
  size_t size_ = 0;
};

std::optional<int> small_integer(const ReplyValue& value) {
  if (value.kind != ReplyValue::Kind::kInteger || value.integer < std::numeric_limits<int>::min() ||
      value.integer > std::numeric_limits<int>::max()) {
    return std::nullopt;
  }
  return static_cast<int>(value.integer);
}

void apply_flag(std::string_view flag, CommandInfo* command) {
  if (flag == "write") command->write = true;
  if (flag == "readonly") command->readonly = true;
  if (flag == "denyoom") command->denyoom = true;
  if (flag == "admin") command->admin = true;
  if (flag == "may_replicate") command->may_replicate = true;
  if (flag == "movablekeys") command->movable_keys = true;
  if (flag == "blocking") command->blocking = true;
  if (flag == "allow_busy") command->allow_busy = true;
  if (flag == "no_multi") command->no_multi = true;
  if (flag == "no_auth") command->no_auth = true;
  if (flag == "noscript") command->no_script = true;
  if (flag == "skip_slowlog" || flag == "skip_commandlog") command->skips_slowlog = true;
}

// What the first six elements of an entry say, the same in all versions.
std::optional<CommandInfo> read_entry(const ReplyValue& entry) {
  using Kind = ReplyValue::Kind;
  if (entry.kind != Kind::kArray || entry.elements.size() < 6) return std::nullopt;
  const auto& e = entry.elements;
  const auto arity = small_integer(e[1]);
  const auto first = small_integer(e[3]);
  const auto last = small_integer(e[4]);
  const auto step = small_integer(e[5]);
  if (e[0].kind != Kind::kString || e[0].text.empty() || e[2].kind != Kind::kArray || !arity || !first || !last ||
      !step) {
    return std::nullopt;
  }

  CommandInfo command;
  command.name = lowered(e[0].text);
  command.arity = *arity;
  command.first_key = *first;
  command.last_key = *last;
  command.key_step = *step;
  for (const ReplyValue& flag : e[2].elements) apply_flag(flag.text, &command);
  return command;
}

// Commands whose keys are not all in the selected database.
bool reaches_other_database(const CommandInfo& command, size_t argc) {
  return command.name == "move" || (command.name == "copy" && argc > 4);
}

}  // namespace

size_t CommandTable::Hash::operator()(std::string_view text) const { return XXH3_64bits(text.data(), text.size()); }

Result<CommandTable> CommandTable::from_command_reply(const ReplyValue& reply) {
  if (reply.is_error()) return Error{"the backend refuses COMMAND, which must be allowed: " + reply.text};
  if (reply.kind != ReplyValue::Kind::kArray || reply.elements.empty()) {
    return Error{"the backend's reply to COMMAND is not a list of commands"};
  }

  CommandTable table;
  for (const ReplyValue& entry : reply.elements) {
    if (!table.learn(entry)) return Error{"the backend's reply to COMMAND has an entry of unknown form"};
  }

  // Before 7.0, QUIT was understood without being in the table.
  CommandInfo quit;
  quit.name = "quit";
  quit.arity = -1;
  quit.number = table.next_number();
  apply_traits(&quit);
  table.by_name_.try_emplace(quit.name, quit);

  // Redis counts it so, but does not say it.
  const auto pfcount = table.by_name_.find("pfcount");
  if (pfcount != table.by_name_.end()) pfcount->second.may_replicate = true;

  // Before 7.0 it was not told which commands are taken while a script runs on.
  const bool told = std::any_of(table.by_name_.begin(), table.by_name_.end(),
                                [](const auto& entry) { return entry.second.allow_busy; });
  for (const char* name : {"auth", "hello", "multi", "discard", "watch", "unwatch", "reset", "quit"}) {
    const auto command = table.by_name_.find(name);
    if (!told && command != table.by_name_.end()) command->second.allow_busy = true;
  }

  // With TTLs on hash fields, HDEL of an expired field may answer 0 and leave the field to the expiry (Valkey 9), while
  // on a replica it removes the field, and the key with the last one.
  const auto hdel = table.by_name_.find("hdel");
  if (hdel != table.by_name_.end() && table.by_name_.contains("hpexpire")) hdel->second.effect = Effect::kUnknown;
  return table;
}

bool CommandTable::learn(const ReplyValue& entry) {
  constexpr size_t kSubcommands = 9;  // from 7.0 on: entries of the same form, named "container|sub"
  auto command = read_entry(entry);
  if (!command) return false;

  if (entry.elements.size() > kSubcommands) {
    const ReplyValue& list = entry.elements[kSubcommands];
    command->subcommands = !list.elements.empty();
    for (const ReplyValue& subcommand : list.elements) {
      // A subcommand has none of its own in any version: the form ends the recursion.
      if (subcommand.elements.size() > kSubcommands && !subcommand.elements[kSubcommands].elements.empty())
        return false;
      if (!learn(subcommand)) return false;
    }
  }

  apply_traits(&*command);
  command->number = next_number();
  if (command->name.size() <= kMaxNameBytes) {
    std::string name = command->name;
    by_name_.insert_or_assign(std::move(name), std::move(*command));
  }
  return true;
}

const CommandInfo* CommandTable::find(const std::vector<std::string_view>& argv) const {
  if (argv.empty()) return nullptr;
  NameBuffer name;
  if (!name.append(argv[0])) return nullptr;
  const CommandInfo* command = find_name(name.view());
  // "config|get" is a name in the table, but not one that a request may use.
  if (command == nullptr || argv[0].find('|') != std::string_view::npos) return nullptr;
  if (!command->subcommands || argv.size() == 1) return command;
  if (!name.append("|") || !name.append(argv[1])) return nullptr;
  return find_name(name.view());
}

const CommandInfo* CommandTable::find_name(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &found->second;
}

void key_hashes(const CommandInfo* command, int db, const std::vector<std::string_view>& argv,
                std::vector<uint64_t>* hashes, bool* all) {
  if (command != nullptr && command->keyless) return;
  if (command == nullptr || command->movable_keys || command->first_key <= 0 || command->key_step <= 0 ||
      reaches_other_database(*command, argv.size())) {
    *all = true;
    return;
  }
  for_each_key(*command, argv, [&](std::string_view key) { hashes->push_back(key_hash(db, key)); });
}

uint64_t key_hash(int db, std::string_view key) {
  return XXH3_64bits_withSeed(key.data(), key.size(), static_cast<XXH64_hash_t>(db));
}

CommandTable CommandTable::connection_commands() {
  constexpr struct {
    const char* name;
    int arity;
  } kCommands[] = {{"auth", -2}, {"client", -2}, {"discard", 1}, {"echo", 2},  {"exec", 1},  {"hello", -1},
                   {"multi", 1}, {"ping", -1},   {"quit", -1},   {"reset", 1}, {"select", 2}};
  CommandTable table;
  for (const auto& command : kCommands) {
    CommandInfo info;
    info.name = command.name;
    info.arity = command.arity;
    apply_traits(&info);
    info.number = table.next_number();
    table.by_name_.emplace(info.name, std::move(info));
  }
  return table;
}

Effect effect_of(const CommandInfo* command, const std::vector<std::string_view>& argv) {
  if (command == nullptr) return Effect::kUnknown;
  if (command->exact_unless_refused) return Effect::kOwnBytes;
  if (command->name == "xadd") {
    // Neither an id to be made up ("*", "5-*") nor an approximate trim ("~"): a field that looks like one costs a
    // second commit.
    for (size_t i = 2; i < argv.size(); i++) {
      if (argv[i] == "*" || argv[i] == "~" || argv[i].ends_with("-*")) return Effect::kUnknown;
    }
    return Effect::kOwnBytes;
  }
  return command->effect;
}

}  // namespace holdfast
