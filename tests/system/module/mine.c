// A module as small as can be, for module_test.py: commands and a type that Holdfast has never heard of.
#include <stdlib.h>

#include "redismodule.h"

static RedisModuleType *counter_type;

// MINE.COUNT key: a value of the module's own type, one higher. Replicated as it was sent.
static int count(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
  if (argc != 2) return RedisModule_WrongArity(ctx);
  RedisModuleKey *key = RedisModule_OpenKey(ctx, argv[1], REDISMODULE_READ | REDISMODULE_WRITE);
  long long *value;
  if (RedisModule_KeyType(key) == REDISMODULE_KEYTYPE_EMPTY) {
    value = RedisModule_Calloc(1, sizeof *value);
    RedisModule_ModuleTypeSetValue(key, counter_type, value);
  } else if (RedisModule_ModuleTypeGetType(key) == counter_type) {
    value = RedisModule_ModuleTypeGetValue(key);
  } else {
    return RedisModule_ReplyWithError(ctx, REDISMODULE_ERRORMSG_WRONGTYPE);
  }
  RedisModule_ReplicateVerbatim(ctx);
  return RedisModule_ReplyWithLongLong(ctx, ++*value);
}

// MINE.CHANCE key: appends a random number to a list. Replicated as the RPUSH that it was.
static int chance(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
  if (argc != 2) return RedisModule_WrongArity(ctx);
  unsigned value = 0;
  RedisModule_GetRandomBytes((unsigned char *)&value, sizeof value);
  RedisModuleCallReply *reply = RedisModule_Call(ctx, "RPUSH", "!sl", argv[1], (long long)value);
  if (RedisModule_CallReplyType(reply) == REDISMODULE_REPLY_ERROR) return RedisModule_ReplyWithCallReply(ctx, reply);
  return RedisModule_ReplyWithLongLong(ctx, value);
}

// MINE.NOTHING key: may write, as far as Redis knows, and does not.
static int nothing(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
  (void)argv;
  return argc == 2 ? RedisModule_ReplyWithSimpleString(ctx, "nothing") : RedisModule_WrongArity(ctx);
}

// MINE.READ key: the counter.
static int read_it(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
  if (argc != 2) return RedisModule_WrongArity(ctx);
  RedisModuleKey *key = RedisModule_OpenKey(ctx, argv[1], REDISMODULE_READ);
  if (key == NULL || RedisModule_ModuleTypeGetType(key) != counter_type) return RedisModule_ReplyWithNull(ctx);
  return RedisModule_ReplyWithLongLong(ctx, *(long long *)RedisModule_ModuleTypeGetValue(key));
}

static void *load(RedisModuleIO *rdb, int version) {
  (void)version;
  long long *value = RedisModule_Alloc(sizeof *value);
  *value = RedisModule_LoadSigned(rdb);
  return value;
}

static void save(RedisModuleIO *rdb, void *value) { RedisModule_SaveSigned(rdb, *(long long *)value); }

static void release(void *value) { RedisModule_Free(value); }

static void digest(RedisModuleDigest *of, void *value) {
  RedisModule_DigestAddLongLong(of, *(long long *)value);
  RedisModule_DigestEndSequence(of);
}

int RedisModule_OnLoad(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
  (void)argv, (void)argc;
  RedisModuleTypeMethods methods = {
      .version = REDISMODULE_TYPE_METHOD_VERSION, .rdb_load = load, .rdb_save = save, .free = release, .digest = digest};
  if (RedisModule_Init(ctx, "mine", 1, REDISMODULE_APIVER_1) != REDISMODULE_OK) return REDISMODULE_ERR;
  counter_type = RedisModule_CreateDataType(ctx, "minecount", 0, &methods);
  if (counter_type == NULL) return REDISMODULE_ERR;
  struct {
    const char *name;
    RedisModuleCmdFunc run;
    const char *flags;
  } commands[] = {{"mine.count", count, "write deny-oom"},
                  {"mine.chance", chance, "write deny-oom"},
                  {"mine.nothing", nothing, "write"},
                  {"mine.read", read_it, "readonly"}};
  for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
    if (RedisModule_CreateCommand(ctx, commands[i].name, commands[i].run, commands[i].flags, 1, 1, 1) != REDISMODULE_OK) {
      return REDISMODULE_ERR;
    }
  }
  return REDISMODULE_OK;
}
