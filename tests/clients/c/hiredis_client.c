/* Checks hiredis against the server at REDIS_HOST and REDIS_PORT. Builds with hiredis 0.14, which knows RESP2 alone,
   and with 1.x. Ends with status 1 and the reason when something is not as Redis would have it. */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#include <hiredis/async.h>
#include <hiredis/hiredis.h>

#define PATIENCE_S 30

#define CHECK(condition)                                       \
  do {                                                         \
    if (!(condition)) {                                        \
      printf("FAILED at line %d: %s\n", __LINE__, #condition); \
      exit(1);                                                 \
    }                                                          \
  } while (0)

/* --- replies as text, to compare them --- */

typedef struct {
  char data[4096];
  size_t size;
} text_t;

static void add(text_t* text, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  int size = vsnprintf(text->data + text->size, sizeof text->data - text->size, format, arguments);
  va_end(arguments);
  CHECK(size >= 0 && text->size + (size_t)size < sizeof text->data);
  text->size += (size_t)size;
}

static void describe(text_t* text, const redisReply* reply) {
  const char *open = "[", *close = "]";
  switch (reply->type) {
    case REDIS_REPLY_STRING: add(text, "\"%s\"", reply->str); return;
    case REDIS_REPLY_STATUS: add(text, "%s", reply->str); return;
    case REDIS_REPLY_ERROR: add(text, "-%s", reply->str); return;
    case REDIS_REPLY_INTEGER: add(text, "%lld", reply->integer); return;
    case REDIS_REPLY_NIL: add(text, "nil"); return;
    case REDIS_REPLY_ARRAY: break;
#if HIREDIS_MAJOR >= 1
    case REDIS_REPLY_DOUBLE: add(text, "double %s", reply->str); return;
    case REDIS_REPLY_BOOL: add(text, reply->integer ? "true" : "false"); return;
    case REDIS_REPLY_VERB: add(text, "verbatim %.3s", reply->vtype); return;
    case REDIS_REPLY_MAP: open = "map["; break;
    case REDIS_REPLY_SET: open = "set["; break;
    case REDIS_REPLY_PUSH: open = "push["; break;
#endif
    default: add(text, "a reply of type %d", reply->type); return;
  }
  add(text, "%s", open);
  for (size_t i = 0; i < reply->elements; i++) {
    add(text, i ? " " : "");
    describe(text, reply->element[i]);
  }
  add(text, "%s", close);
}

/* Whether the reply is this; where `want` ends in "...", whether it begins so. Frees the reply. */
static void same(int line, redisContext* context, redisReply* reply, const char* want) {
  text_t got = {.size = 0};
  if (reply)
    describe(&got, reply);
  else
    add(&got, "no reply: %s", context->errstr);
  size_t size = strlen(want);
  if (size > 3 && !strcmp(want + size - 3, "..."))
    size -= 3;
  else
    size += 1;
  if (strncmp(got.data, want, size)) {
    printf("FAILED at line %d: got %s, want %s\n", line, got.data, want);
    exit(1);
  }
  freeReplyObject(reply);
}

#define EXPECT(want, context, ...) same(__LINE__, context, redisCommand(context, __VA_ARGS__), want)
#define NEXT(want, context) same(__LINE__, context, next(context), want)

static redisReply* next(redisContext* context) {
  void* reply = NULL;
  return redisGetReply(context, &reply) == REDIS_OK ? reply : NULL;
}

static const char* host(void) { return getenv("REDIS_HOST"); }

static int port(void) { return atoi(getenv("REDIS_PORT")); }

static redisContext* connect_to(void) {
  struct timeval patience = {PATIENCE_S, 0};
  redisContext* context = redisConnectWithTimeout(host(), port(), patience);
  CHECK(context && !context->err);
  CHECK(redisSetTimeout(context, patience) == REDIS_OK);
  return context;
}

static void wait_for_blocked(redisContext* context, int count) {
  char want[64];
  snprintf(want, sizeof want, "\r\nblocked_clients:%d\r\n", count);
  time_t end = time(NULL) + PATIENCE_S;
  for (int found = 0; !found;) {
    redisReply* reply = redisCommand(context, "INFO clients");
    CHECK(reply && reply->str);
    found = strstr(reply->str, want) != NULL;
    freeReplyObject(reply);
    CHECK(time(NULL) < end);
  }
}

/* --- one command after another --- */

static void check_commands(void) {
  redisContext* context = connect_to();
  EXPECT("OK", context, "FLUSHALL");
  EXPECT("PONG", context, "PING");
  EXPECT("OK", context, "SET %s %s", "s", "a value with spaces");
  EXPECT("\"a value with spaces\"", context, "GET s");
  EXPECT("nil", context, "GET none");
  EXPECT("1", context, "INCR %s:%d", "n", 7);
  EXPECT("2", context, "HSET h a 1 b 2");
  EXPECT("3", context, "RPUSH l 1 2 3");
  EXPECT("[\"1\" \"2\" \"3\"]", context, "LRANGE l 0 -1");
  EXPECT("[]", context, "LRANGE none 0 -1");
  EXPECT("\"5-1\"", context, "XADD x 5-1 f v");
  EXPECT("[[\"5-1\" [\"f\" \"v\"]]]", context, "XRANGE x - +");
  EXPECT("[\"1\" nil]", context, "HMGET h a none");
  EXPECT("-WRONGTYPE Operation against a key holding the wrong kind of value", context, "LPUSH s v");
  EXPECT("-ERR wrong number of arguments for 'get' command", context, "GET");
  EXPECT("-ERR unknown command 'NOSUCH', with args beginning with: 'a' ", context, "NOSUCH a");
  EXPECT("[1 \"x\" nil [OK -MINE is wrong]]", context, "EVAL %s 1 s",
         "return {1.9, 'x', false, {redis.status_reply('OK'), redis.error_reply('MINE is wrong')}}");

  /* Any bytes, by their length and as a vector. */
  enum { LARGE = 4 << 20 };
  char* large = malloc(LARGE);
  CHECK(large);
  for (int i = 0; i < LARGE; i++) large[i] = (char)(i * 7 + i / 256);
  const size_t sizes[] = {0, 1, 2, 16384, LARGE};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    const char* words[] = {"SET", large, large};
    const size_t lengths[] = {3, 256, sizes[i]};
    same(__LINE__, context, redisCommandArgv(context, 3, words, lengths), "OK");
    redisReply* reply = redisCommand(context, "GET %b", large, (size_t)256);
    CHECK(reply && reply->type == REDIS_REPLY_STRING && reply->len == sizes[i]);
    CHECK(!memcmp(reply->str, large, sizes[i]));
    freeReplyObject(reply);
  }
  free(large);
  redisFree(context);
}

static void check_pipeline(void) {
  enum { MANY = 20000 };
  redisContext* context = connect_to();
  EXPECT("OK", context, "FLUSHALL");
  for (int i = 1; i <= MANY; i++) {
    CHECK(redisAppendCommand(context, "INCR n") == REDIS_OK);
    if (i % 1000 == 0) CHECK(redisAppendCommand(context, "LPUSH n %d", i) == REDIS_OK);
  }
  for (int i = 1; i <= MANY; i++) {
    char want[32];
    snprintf(want, sizeof want, "%d", i);
    NEXT(want, context);
    if (i % 1000 == 0) NEXT("-WRONGTYPE ...", context);
  }
  redisFree(context);
}

static void check_transactions(void) {
  redisContext *context = connect_to(), *other = connect_to();
  EXPECT("OK", context, "FLUSHALL");
  const char* commands[] = {"MULTI", "SET s v", "LPUSH s v", "LRANGE none 0 -1", "INCR n", "EXEC"};
  const char* replies[] = {"OK",     "QUEUED",
                           "QUEUED", "QUEUED",
                           "QUEUED", "[OK -WRONGTYPE Operation against a key holding the wrong kind of value [] 1]"};
  for (int i = 0; i < 6; i++) CHECK(redisAppendCommand(context, commands[i]) == REDIS_OK);
  for (int i = 0; i < 6; i++) NEXT(replies[i], context);

  EXPECT("OK", context, "WATCH n");
  EXPECT("2", other, "INCR n");
  EXPECT("OK", context, "MULTI");
  EXPECT("QUEUED", context, "INCR n");
  EXPECT("nil", context, "EXEC");
  EXPECT("OK", context, "MULTI");
  EXPECT("-ERR wrong number of arguments for 'get' command", context, "GET");
  EXPECT("-EXECABORT Transaction discarded because of previous errors.", context, "EXEC");
  EXPECT("\"2\"", context, "GET n");
  redisFree(context);
  redisFree(other);
}

static void check_subscriber(void) {
  redisContext *subscriber = connect_to(), *publisher = connect_to();
  CHECK(redisAppendCommand(subscriber, "SUBSCRIBE news other") == REDIS_OK);
  NEXT("[\"subscribe\" \"news\" 1]", subscriber);
  NEXT("[\"subscribe\" \"other\" 2]", subscriber);
  EXPECT("[\"psubscribe\" \"n*s\" 3]", subscriber, "PSUBSCRIBE n*s");
  EXPECT("-ERR Can't execute 'get': only ...", subscriber, "GET s");
  EXPECT("[\"pong\" \"\"]", subscriber, "PING");
  for (int i = 0; i < 200; i++) EXPECT("2", publisher, "PUBLISH news %d", i);
  for (int i = 0; i < 200; i++) {
    char want[64];
    snprintf(want, sizeof want, "[\"message\" \"news\" \"%d\"]", i);
    NEXT(want, subscriber);
    snprintf(want, sizeof want, "[\"pmessage\" \"n*s\" \"news\" \"%d\"]", i);
    NEXT(want, subscriber);
  }
  EXPECT("[\"unsubscribe\" \"news\" 2]", subscriber, "UNSUBSCRIBE news");
  EXPECT("1", publisher, "PUBLISH news last");
  NEXT("[\"pmessage\" \"n*s\" \"news\" \"last\"]", subscriber);
  EXPECT("[\"punsubscribe\" \"n*s\" 1]", subscriber, "PUNSUBSCRIBE");
  EXPECT("[\"unsubscribe\" \"other\" 0]", subscriber, "UNSUBSCRIBE");
  EXPECT("nil", subscriber, "GET none");
  redisFree(subscriber);
  redisFree(publisher);
}

static void check_blocking(void) {
  redisContext *waiting = connect_to(), *other = connect_to();
  EXPECT("OK", other, "FLUSHALL");
  EXPECT("nil", waiting, "BLPOP none 0.05");
  /* What is sent behind a call that waits is done after it. */
  CHECK(redisAppendCommand(waiting, "BLPOP q r 0") == REDIS_OK);
  CHECK(redisAppendCommand(waiting, "RPUSH r after") == REDIS_OK);
  int done = 0;
  while (!done) CHECK(redisBufferWrite(waiting, &done) == REDIS_OK);
  wait_for_blocked(other, 1);
  EXPECT("2", other, "RPUSH r one two");
  NEXT("[\"r\" \"one\"]", waiting);
  NEXT("2", waiting);

  /* A client that gives up and goes takes nothing with it. */
  struct timeval soon = {0, 50000};
  CHECK(redisSetTimeout(waiting, soon) == REDIS_OK);
  CHECK(redisCommand(waiting, "BLPOP q 0") == NULL && waiting->err == REDIS_ERR_IO && errno == EAGAIN);
  redisFree(waiting);
  wait_for_blocked(other, 0);
  EXPECT("1", other, "RPUSH q kept");
  EXPECT("[\"q\" \"kept\"]", other, "BLPOP q 1");
  redisFree(other);
}

/* --- RESP3 --- */

#if HIREDIS_MAJOR >= 1
typedef struct {
  text_t text;
  int count;
} pushes_t;

static void on_push(void* data, void* reply) {
  pushes_t* pushes = data;
  describe(&pushes->text, reply);
  pushes->count++;
  freeReplyObject(reply);
}

static void check_resp3(void) {
  redisContext *context = connect_to(), *other = connect_to();
  EXPECT("OK", context, "FLUSHALL");
  EXPECT("map[\"server\" \"redis\" \"version\" ...", context, "HELLO 3");
  EXPECT("nil", context, "GET none");
  EXPECT("1", context, "HSET h a 1");
  EXPECT("map[\"a\" \"1\"]", context, "HGETALL h");
  EXPECT("1", context, "SADD set a");
  EXPECT("set[\"a\"]", context, "SMEMBERS set");
  EXPECT("2", context, "ZADD z 1.5 a inf b");
  EXPECT("double 1.5", context, "ZSCORE z a");
  EXPECT("[[\"a\" double 1.5] [\"b\" double inf]]", context, "ZRANGE z 0 -1 WITHSCORES");
  EXPECT("verbatim txt", context, "INFO server");
  EXPECT("[true map[] double 0.25]", context, "EVAL %s 0",
         "redis.setresp(3); return {true, redis.call('HGETALL', 'none'), {double=0.25}}");
  EXPECT("OK", context, "MULTI");
  EXPECT("QUEUED", context, "HGETALL h");
  EXPECT("[map[\"a\" \"1\"]]", context, "EXEC");

  /* Invalidations come between the replies. */
  pushes_t pushes = {.count = 0};
  context->privdata = &pushes;
  redisSetPushCallback(context, on_push);
  EXPECT("OK", context, "CLIENT TRACKING on");
  EXPECT("\"1\"", context, "HGET h a");
  EXPECT("0", other, "HSET h a 2");
  for (int i = 0; !pushes.count; i++) {
    CHECK(i < 1000000);
    EXPECT("PONG", context, "PING");
  }
  CHECK(!strcmp(pushes.text.data, "push[\"invalidate\" [\"h\"]]"));
  EXPECT("OK", context, "CLIENT TRACKING off");

  /* A subscriber goes on with other commands. */
  pushes = (pushes_t){.count = 0};
  CHECK(redisAppendCommand(context, "SUBSCRIBE news") == REDIS_OK);
  CHECK(redisAppendCommand(context, "HGET h a") == REDIS_OK);
  NEXT("\"2\"", context);
  CHECK(!strcmp(pushes.text.data, "push[\"subscribe\" \"news\" 1]"));
  pushes = (pushes_t){.count = 0};
  EXPECT("1", other, "PUBLISH news text");
  for (int i = 0; !pushes.count; i++) {
    CHECK(i < 1000000);
    EXPECT("PONG", context, "PING");
  }
  CHECK(!strcmp(pushes.text.data, "push[\"message\" \"news\" \"text\"]"));
  redisFree(context);
  redisFree(other);
}
#endif

/* --- the asynchronous interface, on poll() --- */

typedef struct {
  redisAsyncContext* context;
  short events;
  long long count;
  int ended;
} loop_t;

static void add_read(void* data) { ((loop_t*)data)->events |= POLLIN; }

static void delete_read(void* data) { ((loop_t*)data)->events &= ~POLLIN; }

static void add_write(void* data) { ((loop_t*)data)->events |= POLLOUT; }

static void delete_write(void* data) { ((loop_t*)data)->events &= ~POLLOUT; }

static void on_disconnect(const redisAsyncContext* context, int status) {
  CHECK(status == REDIS_OK);
  ((loop_t*)context->data)->ended = 1;
}

static void on_sum(redisAsyncContext* context, void* reply, void* expected) {
  loop_t* loop = context->data;
  redisReply* sum = reply;
  CHECK(sum && sum->type == REDIS_REPLY_INTEGER && sum->integer == ++loop->count && loop->count == *(int*)expected);
}

static void on_message(redisAsyncContext* context, void* reply, void* expected) {
  loop_t* loop = context->data;
  CHECK(reply);
  text_t got = {.size = 0};
  describe(&got, reply);
  if (((redisReply*)reply)->element[2]->type == REDIS_REPLY_INTEGER) {
    loop->count++;
    return;
  }
  CHECK(strstr(got.data, expected));
  loop->count++;
}

static loop_t* start_loop(void) {
  loop_t* loop = calloc(1, sizeof *loop);
  CHECK(loop);
  redisAsyncContext* context = redisAsyncConnect(host(), port());
  CHECK(context && !context->err);
  loop->context = context;
  context->data = loop;
  context->ev.data = loop;
  context->ev.addRead = add_read;
  context->ev.delRead = delete_read;
  context->ev.addWrite = add_write;
  context->ev.delWrite = delete_write;
  loop->events = POLLOUT;
  CHECK(redisAsyncSetDisconnectCallback(context, on_disconnect) == REDIS_OK);
  return loop;
}

/* Runs the loop until it has counted so far, or until the connection has ended. */
static void run_loop(loop_t* loop, long long goal) {
  while (goal ? loop->count < goal : !loop->ended) {
    struct pollfd file = {loop->context->c.fd, loop->events, 0};
    CHECK(poll(&file, 1, PATIENCE_S * 1000) == 1);
    if (file.revents & POLLIN) redisAsyncHandleRead(loop->context);
    if (!loop->ended && file.revents & POLLOUT) redisAsyncHandleWrite(loop->context);
  }
}

static void end_loop(loop_t* loop) {
  redisAsyncDisconnect(loop->context);
  run_loop(loop, 0);
  free(loop);
}

static void check_async(void) {
  enum { MANY = 5000 };
  static int expected[MANY];
  redisContext* other = connect_to();
  EXPECT("OK", other, "FLUSHALL");
  loop_t* loop = start_loop();
  for (int i = 0; i < MANY; i++) {
    expected[i] = i + 1;
    CHECK(redisAsyncCommand(loop->context, on_sum, &expected[i], "INCR n") == REDIS_OK);
  }
  run_loop(loop, MANY);
  end_loop(loop);
  EXPECT("\"5000\"", other, "GET n");

  loop = start_loop();
  CHECK(redisAsyncCommand(loop->context, on_message, "\"news\" \"text\"", "SUBSCRIBE news") == REDIS_OK);
  CHECK(redisAsyncCommand(loop->context, on_message, "\"o*r\" \"other\" \"more\"", "PSUBSCRIBE o*r") == REDIS_OK);
  run_loop(loop, 2);
  for (int i = 0; i < 100; i++) EXPECT("1", other, "PUBLISH news text");
  EXPECT("1", other, "PUBLISH other more");
  run_loop(loop, 103);
  CHECK(redisAsyncCommand(loop->context, NULL, NULL, "PUNSUBSCRIBE o*r") == REDIS_OK);
  CHECK(redisAsyncCommand(loop->context, NULL, NULL, "UNSUBSCRIBE news") == REDIS_OK);
  run_loop(loop, 105);
  end_loop(loop);
  redisFree(other);
}

int main(void) {
  printf("hiredis %d.%d.%d\n", HIREDIS_MAJOR, HIREDIS_MINOR, HIREDIS_PATCH);
  check_commands();
  check_pipeline();
  check_transactions();
  check_subscriber();
  check_blocking();
  check_async();
#if HIREDIS_MAJOR >= 1
  check_resp3();
#endif
  puts("all is well");
  return 0;
}
