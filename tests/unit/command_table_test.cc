#include "core/command/refusals.h"
#include "core/command/table.h"

#include <doctest/doctest.h>

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace holdfast {
namespace {

using Kind = ReplyValue::Kind;

ReplyValue text(std::string value, Kind kind = Kind::kString) {
  ReplyValue reply;
  reply.kind = kind;
  reply.text = std::move(value);
  return reply;
}

ReplyValue number(int64_t value) {
  ReplyValue reply;
  reply.kind = Kind::kInteger;
  reply.integer = value;
  return reply;
}

ReplyValue list(std::vector<ReplyValue> elements = {}) {
  ReplyValue reply;
  reply.kind = Kind::kArray;
  reply.elements = std::move(elements);
  return reply;
}

struct Keys {
  int first = 0;
  int last = 0;
  int step = 0;
};

// An entry of COMMAND as 6.2 writes it.
ReplyValue old_entry(std::string name, int arity, std::initializer_list<const char*> flags, Keys keys = {}) {
  ReplyValue flag_list = list();
  for (const char* flag : flags) flag_list.elements.push_back(text(flag));
  return list({text(std::move(name)), number(arity), flag_list, number(keys.first), number(keys.last),
               number(keys.step), list({text("@some")})});
}

// The same as 7.0 and newer write it.
ReplyValue entry(std::string name, int arity, std::initializer_list<const char*> flags, Keys keys = {},
                 std::vector<ReplyValue> subcommands = {}) {
  ReplyValue value = old_entry(std::move(name), arity, flags, keys);
  value.elements.push_back(list());
  value.elements.push_back(list());
  value.elements.push_back(list(std::move(subcommands)));
  return value;
}

CommandTable table_of(std::vector<ReplyValue> entries) {
  auto table = CommandTable::from_command_reply(list(std::move(entries)));
  REQUIRE(table.ok());
  return std::move(*table);
}

CommandTable sample() {
  return table_of({
      entry("get", 2, {"readonly", "fast"}, {1, 1, 1}),
      entry("set", -3, {"write", "denyoom"}, {1, 1, 1}),
      entry("mset", -3, {"write", "denyoom"}, {1, -1, 2}),
      entry("copy", -3, {"write", "denyoom"}, {1, 2, 1}),
      entry("move", 3, {"write", "fast"}, {1, 1, 1}),
      entry("blpop", -3, {"write", "blocking"}, {1, -2, 1}),
      entry("eval", -3, {"noscript", "movablekeys"}),
      entry("eval_ro", -3, {"noscript", "readonly", "movablekeys"}),
      entry("scan", -2, {"readonly"}),
      entry("flushall", -1, {"write"}),
      entry("time", 1, {"fast"}),
      entry("ping", -1, {"fast"}),
      entry("config", -2, {}, {}, {entry("config|get", -3, {"admin"}), entry("config|set", -4, {"admin", "denyoom"})}),
      entry("xgroup", -2, {}, {}, {entry("xgroup|create", -5, {"write", "denyoom"}, {2, 2, 1})}),
      entry("script", -2, {}, {}, {entry("script|load", 3, {}), entry("script|debug", -3, {})}),
      entry("function", -2, {}, {}, {entry("function|load", -3, {"write"}), entry("function|list", -2, {})}),
      entry("VADD", -1, {"write", "denyoom", "module"}, {1, 1, 1}),
  });
}

CommandInfo with_traits(std::string name, bool write = false) {
  CommandInfo command;
  command.name = std::move(name);
  command.write = write;
  apply_traits(&command);
  return command;
}

TEST_CASE("what Redis tells is kept") {
  const CommandTable table = sample();
  const CommandInfo* mset = table.find({"mset", "a", "1"});
  REQUIRE(mset != nullptr);
  CHECK(mset->name == "mset");
  CHECK(mset->arity == -3);
  CHECK(mset->write);
  CHECK(mset->denyoom);
  CHECK_FALSE(mset->readonly);
  CHECK_FALSE(mset->movable_keys);
  CHECK(mset->first_key == 1);
  CHECK(mset->last_key == -1);
  CHECK(mset->key_step == 2);
  CHECK(table.find_name("eval")->movable_keys);
  CHECK(table.find_name("get")->readonly);
  CHECK(table.find_name("blpop")->blocking);
}

TEST_CASE("find takes any case and gives nullptr for what is not there") {
  const CommandTable table = sample();
  CHECK(table.find({"GeT", "k"}) == table.find_name("get"));
  CHECK(table.find({"vadd", "k"}) != nullptr);
  CHECK(table.find({"vadd", "k"}) == table.find({"VADD", "k"}));
  CHECK(table.find({"nosuch"}) == nullptr);
  CHECK(table.find({""}) == nullptr);
  CHECK(table.find({}) == nullptr);
  CHECK(table.find({"get "}) == nullptr);
  CHECK(table.find({std::string(1000, 'g')}) == nullptr);
}

TEST_CASE("find goes to the subcommand") {
  const CommandTable table = sample();
  const CommandInfo* get = table.find({"CONFIG", "Get", "maxmemory"});
  REQUIRE(get != nullptr);
  CHECK(get->name == "config|get");
  CHECK(get->arity == -3);
  CHECK(table.find({"config", "nosuch"}) == nullptr);
  CHECK(table.find({"config", ""}) == nullptr);
  CHECK(table.find({"config", std::string(1000, 'g')}) == nullptr);
  CHECK(table.find({"config"}) == table.find_name("config"));
  CHECK(table.find({"config|get", "maxmemory"}) == nullptr);  // Redis does not take it either
  CHECK(table.find({"get", "set"}) == table.find_name("get"));
}

TEST_CASE("COMMAND of 6.2: no subcommands, and QUIT is missing") {
  const CommandTable table =
      table_of({old_entry("config", -2, {"admin"}), old_entry("xgroup", -2, {"write", "denyoom"}, {2, 2, 1})});
  CHECK(table.find({"CONFIG", "GET", "x"}) == table.find_name("config"));
  CHECK(table.find({"XGROUP", "CREATE", "k"})->effect == Effect::kExact);
  const CommandInfo* quit = table.find({"QUIT"});
  REQUIRE(quit != nullptr);
  CHECK(quit->handling == Handling::kProxy);
  CHECK(quit->arity_fits(1));
  CHECK(table.size() == 3);
}

TEST_CASE("a name too long to be found does not spoil the table") {
  const CommandTable table = table_of({entry(std::string(128, 'x'), 1, {}), entry(std::string(129, 'y'), 1, {})});
  CHECK(table.find({std::string(128, 'X')}) != nullptr);
  CHECK(table.find({std::string(129, 'y')}) == nullptr);
}

TEST_CASE("a reply of another form is an error") {
  const auto refused = CommandTable::from_command_reply(text("NOPERM no", Kind::kError));
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().find("NOPERM no") != std::string::npos);
  CHECK_FALSE(CommandTable::from_command_reply({}).ok());
  CHECK_FALSE(CommandTable::from_command_reply(list()).ok());
  CHECK_FALSE(CommandTable::from_command_reply(list({text("get")})).ok());
  CHECK_FALSE(CommandTable::from_command_reply(list({list({text("get"), number(2)})})).ok());

  const ReplyValue good = entry("get", 2, {"readonly"}, {1, 1, 1});
  REQUIRE(CommandTable::from_command_reply(list({good})).ok());
  for (size_t i = 0; i < 6; ++i) {
    ReplyValue broken = good;
    broken.elements[i] = {};
    CHECK_FALSE(CommandTable::from_command_reply(list({good, broken})).ok());
  }
  ReplyValue too_big = good;
  too_big.elements[3] = number(int64_t{1} << 40);
  CHECK_FALSE(CommandTable::from_command_reply(list({too_big})).ok());

  ReplyValue nested = entry("a|b|c", 1, {});
  for (int depth = 0; depth < 3; ++depth) nested = entry("a", 1, {}, {}, {nested});
  CHECK_FALSE(CommandTable::from_command_reply(list({nested})).ok());
}

TEST_CASE("arity") {
  const CommandTable table = sample();
  CHECK(table.find_name("get")->arity_fits(2));
  CHECK_FALSE(table.find_name("get")->arity_fits(3));
  CHECK(table.find_name("set")->arity_fits(3));
  CHECK(table.find_name("set")->arity_fits(9));
  CHECK_FALSE(table.find_name("set")->arity_fits(2));
}

TEST_CASE("who deals with a command") {
  for (const char* name :
       {"ping",    "select",  "multi",      "exec",       "discard", "client", "client|list", "info",
        "hello",   "auth",    "config|get", "wait",       "role",    "debug",  "quit",        "reset",
        "waitaof", "monitor", "replicaof",  "acl|whoami", "psync",   "sync",   "replconf"}) {
    CAPTURE(name);
    CHECK(with_traits(name).handling == Handling::kProxy);
  }
  for (const char* name : {"shutdown", "failover"}) {
    CAPTURE(name);
    CHECK_FALSE(why_refused(with_traits(name), {name}).empty());
  }
  const auto refused = [](const char* container, const char* sub) {
    return !why_refused(with_traits(container), {container, sub}).empty() &&
           !why_refused(with_traits((std::string(container) + "|" + sub).c_str()), {container, sub}).empty();
  };
  CHECK(refused("module", "load"));
  CHECK(refused("script", "debug"));
  CHECK_FALSE(refused("module", "list"));
  CHECK_FALSE(refused("script", "load"));
  for (const char* name : {"get", "set", "dbsize", "time", "object|encoding", "xread", "xreadgroup", "command|docs",
                           "swapdb", "latency|doctor", "nosuch"}) {
    CAPTURE(name);
    CHECK(with_traits(name).handling == Handling::kBackend);
  }
}

TEST_CASE("a blocking command that is not known is refused, a known one that is dealt with is not") {
  const CommandTable table =
      table_of({entry("newpop", -2, {"write", "blocking"}, {1, 1, 1}),
                entry("xread", -4, {"readonly", "blocking", "movablekeys"}), entry("wait", 3, {"blocking"})});
  CHECK_FALSE(why_refused(*table.find_name("newpop"), {"newpop"}).empty());
  CHECK(table.find_name("xread")->handling == Handling::kBackend);
  CHECK(table.find_name("wait")->handling == Handling::kProxy);
}

TEST_CASE("what goes through the log") {
  const CommandTable table = sample();
  for (const char* name : {"set", "mset", "vadd", "xgroup|create", "function|load", "flushall", "eval"}) {
    CAPTURE(name);
    CHECK(table.find_name(name)->logged);
  }
  for (const char* name : {"get", "eval_ro", "script|load", "function|list", "scan", "time", "ping", "config|set"}) {
    CAPTURE(name);
    CHECK_FALSE(table.find_name(name)->logged);
  }
  CHECK(with_traits("evalsha").logged);
  CHECK(with_traits("fcall").logged);
  CHECK_FALSE(with_traits("fcall_ro").logged);
  CHECK_FALSE(with_traits("pfcount").logged);
  CHECK(with_traits("publish").logged);
}

TEST_CASE("effects") {
  CHECK(with_traits("set", true).effect == Effect::kSet);
  CHECK(with_traits("incrbyfloat", true).effect == Effect::kIncrFloat);
  CHECK(with_traits("hincrbyfloat", true).effect == Effect::kHashFloat);
  CHECK(with_traits("getdel", true).effect == Effect::kUnknown);
  CHECK(with_traits("getex", true).effect == Effect::kGetEx);
  CHECK(with_traits("geoadd", true).effect == Effect::kGeoAdd);
  for (const char* name : {"incr", "del", "unlink", "setnx", "lpush", "hset", "zpopmin", "pexpireat", "xgroup|create",
                           "function|flush", "sort", "zunionstore"}) {
    CAPTURE(name);
    CHECK(with_traits(name, true).effect == Effect::kExact);
  }
  for (const char* name : {"spop", "getset", "lmpop", "zmpop", "xadd", "xtrim", "restore", "eval", "expire", "setex",
                           "xclaim", "xreadgroup", "vadd", "append", "function|load"}) {
    CAPTURE(name);
    CHECK(with_traits(name, true).effect == Effect::kUnknown);
  }
  CHECK(with_traits("append", true).exact_unless_refused);
  CHECK(with_traits("function|load", true).exact_unless_refused);
  CHECK_FALSE(with_traits("xadd", true).exact_unless_refused);
}

TEST_CASE("HDEL is only exact where fields do not expire") {
  const ReplyValue hdel = entry("hdel", -3, {"write"}, {1, 1, 1});
  CHECK(table_of({hdel}).find_name("hdel")->effect == Effect::kExact);
  CHECK(table_of({hdel, entry("hpexpire", -6, {"write"}, {1, 1, 1})}).find_name("hdel")->effect == Effect::kUnknown);
}

struct KeysOf {
  std::vector<uint64_t> hashes;
  bool all = false;
};

KeysOf keys_of(const CommandTable& table, const std::vector<std::string_view>& argv) {
  KeysOf keys;
  key_hashes(table.find(argv), 0, argv, &keys.hashes, &keys.all);
  return keys;
}

using Hashes = std::vector<uint64_t>;

TEST_CASE("the keys of a request") {
  const CommandTable table = sample();
  const uint64_t a = key_hash(0, "a");
  const uint64_t b = key_hash(0, "b");

  KeysOf keys = keys_of(table, {"GET", "a"});
  CHECK(keys.hashes == Hashes{a});
  CHECK_FALSE(keys.all);
  CHECK(keys_of(table, {"MSET", "a", "1", "b", "2"}).hashes == Hashes{a, b});
  CHECK(keys_of(table, {"MSET", "a", "1", "b"}).hashes == Hashes{a, b});
  CHECK(keys_of(table, {"BLPOP", "a", "b", "0"}).hashes == Hashes{a, b});
  CHECK(keys_of(table, {"COPY", "a", "b"}).hashes == Hashes{a, b});
  CHECK(keys_of(table, {"COPY", "a", "b", "REPLACE"}).hashes == Hashes{a, b});
  CHECK(keys_of(table, {"COPY", "a"}).hashes == Hashes{a});
  CHECK(keys_of(table, {"XGROUP", "CREATE", "a", "g", "0"}).hashes == Hashes{a});
}

TEST_CASE("requests whose keys cannot be told") {
  const CommandTable table = sample();
  for (const std::vector<std::string_view>& argv :
       std::vector<std::vector<std::string_view>>{{"EVAL", "return 1", "0"},
                                                  {"SCAN", "0"},
                                                  {"FLUSHALL"},
                                                  {"NOSUCH", "a"},
                                                  {"MOVE", "a", "1"},
                                                  {"COPY", "a", "b", "DB", "1"},
                                                  {"FUNCTION", "LOAD", "code"}}) {
    CAPTURE(argv[0]);
    CHECK(keys_of(table, argv).all);
  }
  for (const std::vector<std::string_view>& argv : std::vector<std::vector<std::string_view>>{
           {"TIME"}, {"PING"}, {"SCRIPT", "LOAD", "return 1"}, {"FUNCTION", "LIST"}, {"CONFIG", "GET", "x"}}) {
    CAPTURE(argv[0]);
    const KeysOf keys = keys_of(table, argv);
    CHECK_FALSE(keys.all);
    CHECK(keys.hashes.empty());
  }
}

TEST_CASE("a write without keys may touch any, also one that is not known yet") {
  CHECK(with_traits("function|list").keyless);
  CHECK_FALSE(with_traits("function|newer", true).keyless);
}

TEST_CASE("key_hashes adds to what is there") {
  const CommandTable table = sample();
  Hashes hashes{7};
  bool all = true;
  key_hashes(table.find_name("get"), 0, {"get", "a"}, &hashes, &all);
  CHECK(hashes == Hashes{7, key_hash(0, "a")});
  CHECK(all);
}

TEST_CASE("a key is another one in another database") {
  CHECK(key_hash(0, "a") == key_hash(0, "a"));
  CHECK(key_hash(0, "a") != key_hash(1, "a"));
  CHECK(key_hash(0, "a") != key_hash(0, "b"));
  CHECK(key_hash(0, "") != key_hash(1, ""));
}

}  // namespace
}  // namespace holdfast
