'use strict';
// What applications do with ioredis.

const assert = require('node:assert/strict');
const { once } = require('node:events');
const Redis = require('ioredis');
const { server, until, failure, run } = require('./checks');

const redis = new Redis(server);
const others = [];

// A client of its own, with other options; closed after the check. It is ready, because a SUBSCRIBE before that comes
// into the way of ioredis's own first requests, and then it connects once more.
async function another(options) {
  const client = new Redis({ ...server, ...options });
  others.push(client);
  await once(client, 'ready');
  return client;
}

// What a stream of SCAN and the like gives, in one array.
async function all(stream) {
  const found = [];
  for await (const some of stream) found.push(...some);
  return found;
}

const checks = {
  async strings() {
    assert.equal(await redis.set('key', 'value'), 'OK');
    assert.equal(await redis.get('key'), 'value');
    assert.equal(await redis.get('none'), null);
    assert.equal(await redis.set('key', 'other', 'NX'), null);
    assert.equal(await redis.set('key', 'other', 'PX', 100000, 'GET'), 'value');
    const ttl = await redis.pttl('key');
    assert.ok(ttl > 90000 && ttl <= 100000, `${ttl}`);
    assert.equal(await redis.append('key', ' end'), 9);
    assert.equal(await redis.getrange('key', 0, 4), 'other');
    assert.equal(await redis.incrby('number', 7), 7);
    assert.equal(await redis.incrbyfloat('number', 0.5), '7.5');
    assert.equal(await redis.mset({ a: 1, b: 2 }), 'OK');
    assert.deepEqual(await redis.mget('a', 'none', 'b'), ['1', null, '2']);
    assert.equal(await redis.setbit('bits', 7, 1), 0);
    assert.equal(await redis.bitcount('bits'), 1);
    assert.equal(await redis.getdel('a'), '1');
    assert.equal(await redis.exists('a', 'b', 'key'), 2);
    assert.equal(await redis.psetex('soon', 20, 'gone'), 'OK');
    await until(async () => (await redis.get('soon')) === null, 'the key expires');
    assert.equal(await redis.exists('soon'), 0);
  },

  async hashes() {
    assert.equal(await redis.hset('h', { name: 'Ada', born: 1815, 'with space': 'ä€😀' }), 3);
    assert.deepEqual(await redis.hgetall('h'), { name: 'Ada', born: '1815', 'with space': 'ä€😀' });
    assert.deepEqual(await redis.hgetall('none'), {});
    assert.equal(await redis.hincrby('h', 'born', 37), 1852);
    assert.deepEqual(await redis.hmget('h', 'name', 'none'), ['Ada', null]);
    assert.equal(await redis.hdel('h', 'name', 'none'), 1);
    assert.equal(await redis.hset('h', new Map([['born', 1], ['new', 2]])), 1);
    assert.deepEqual((await all(redis.hscanStream('h'))).sort(), ['1', '2', 'born', 'new', 'with space', 'ä€😀']);
  },

  async lists() {
    assert.equal(await redis.rpush('l', 1, 2, 3), 3);
    assert.equal(await redis.lpush('l', 0), 4);
    assert.deepEqual(await redis.lrange('l', 0, -1), ['0', '1', '2', '3']);
    assert.equal(await redis.lmove('l', 'other', 'LEFT', 'RIGHT'), '0');
    assert.deepEqual(await redis.lpop('l', 2), ['1', '2']);
    assert.equal(await redis.linsert('l', 'BEFORE', '3', 'x'), 2);
    assert.equal(await redis.lpos('l', '3'), 1);
    assert.equal(await redis.rpop('l'), '3');
    assert.equal(await redis.rpop('none'), null);
  },

  async sets() {
    assert.equal(await redis.sadd('s', 'a', 'b', 'c', 'a'), 3);
    assert.equal(await redis.sadd('t', ['b', 'c', 'd']), 3);
    assert.deepEqual((await redis.sinter('s', 't')).sort(), ['b', 'c']);
    assert.equal(await redis.sdiffstore('u', 's', 't'), 1);
    assert.deepEqual(await redis.smembers('u'), ['a']);
    assert.deepEqual(await redis.smismember('s', 'a', 'z'), [1, 0]);
    const taken = await redis.spop('s', 2);
    assert.equal(taken.length, 2);
    assert.equal(await redis.scard('s'), 1);
    assert.ok(!taken.includes((await redis.smembers('s'))[0]));
    assert.deepEqual((await all(redis.sscanStream('t'))).sort(), ['b', 'c', 'd']);
  },

  async sortedSets() {
    assert.equal(await redis.zadd('z', 1, 'one', 2.5, 'two', '-inf', 'least'), 3);
    assert.equal(await redis.zadd('z', 'GT', 'CH', 3, 'two', 0, 'one'), 1);
    assert.equal(await redis.zincrby('z', 1.25, 'two'), '4.25');
    assert.deepEqual(await redis.zrange('z', 0, -1, 'WITHSCORES'), ['least', '-inf', 'one', '1', 'two', '4.25']);
    assert.deepEqual(await redis.zrangebyscore('z', '(1', '+inf'), ['two']);
    assert.deepEqual(await redis.zrange('z', '+inf', '0', 'BYSCORE', 'REV', 'LIMIT', 1, 1), ['one']);
    assert.equal(await redis.zrank('z', 'two'), 2);
    assert.equal(await redis.zrank('z', 'none'), null);
    assert.deepEqual(await redis.zpopmin('z'), ['least', '-inf']);
    assert.equal(await redis.zremrangebyscore('z', 1, 1), 1);
    assert.deepEqual(await all(redis.zscanStream('z')), ['two', '4.25']);
  },

  async geoAndHyperloglog() {
    assert.equal(await redis.geoadd('places', 13.361389, 38.115556, 'Palermo', 15.087269, 37.502669, 'Catania'), 2);
    assert.equal(await redis.geodist('places', 'Palermo', 'Catania', 'km'), '166.2742');
    assert.deepEqual(await redis.geosearch('places', 'FROMLONLAT', 15, 37, 'BYRADIUS', 100, 'km'), ['Catania']);
    assert.equal(await redis.pfadd('visitors', 'a', 'b', 'c', 'a'), 1);
    assert.equal(await redis.pfcount('visitors'), 3);
  },

  async streams() {
    const blocked = await another();
    const next = blocked.xread('BLOCK', 20000, 'STREAMS', 'events', '$');
    await until(async () => (await redis.client('LIST')).includes('cmd=xread'), 'the reader waits');
    const id = await redis.xadd('events', '*', 'n', '1');
    assert.deepEqual(await next, [['events', [[id, ['n', '1']]]]]);
    assert.equal(await redis.xgroup('CREATE', 'events', 'group', '0'), 'OK');
    const second = await redis.xadd('events', 'MAXLEN', '~', 1000, '*', 'n', '2');
    assert.deepEqual(await redis.xreadgroup('GROUP', 'group', 'me', 'COUNT', 10, 'STREAMS', 'events', '>'),
      [['events', [[id, ['n', '1']], [second, ['n', '2']]]]]);
    assert.equal(await redis.xack('events', 'group', id), 1);
    assert.deepEqual(await redis.xpending('events', 'group'), [1, second, second, [['me', '1']]]);
    const claimed = await redis.xautoclaim('events', 'group', 'you', 0, '0');
    assert.deepEqual(claimed.slice(0, 2), ['0-0', [[second, ['n', '2']]]]);
    assert.equal(await redis.xlen('events'), 2);
    assert.deepEqual(await redis.xrange('events', second, '+'), [[second, ['n', '2']]]);
    assert.equal(await redis.xdel('events', id), 1);
    assert.equal(await redis.xtrim('events', 'MAXLEN', 0), 1);
    assert.equal(await blocked.xread('BLOCK', 30, 'STREAMS', 'events', '$'), null);
  },

  async scanStream() {
    const wanted = Array.from({ length: 3000 }, (_, i) => `scan:${i}`);
    const pipeline = redis.pipeline();
    for (const key of wanted) pipeline.set(key, '');
    pipeline.rpush('scan:list', 1).set('another', 1);
    assert.equal((await pipeline.exec()).length, 3002);
    const found = await all(redis.scanStream({ match: 'scan:*', count: 100, type: 'string' }));
    assert.deepEqual([...new Set(found)].sort(), wanted.sort());
  },

  async pipelines() {
    const results = await redis.pipeline().set('a', 1).incr('a').lpush('a', 'x').get('a').call('ECHO', 'e').exec();
    assert.deepEqual(results.map(([error, result]) => (error ? error.message : result)),
      ['OK', 2, 'WRONGTYPE Operation against a key holding the wrong kind of value', '2', 'e']);
    assert.deepEqual(await redis.pipeline([['set', 'b', '1'], ['get', 'b']]).exec(), [[null, 'OK'], [null, '1']]);
    const many = redis.pipeline();
    for (let i = 0; i < 10000; i += 1) many.incr('counter');
    assert.deepEqual((await many.exec()).map(([, value]) => value), Array.from({ length: 10000 }, (_, i) => i + 1));
  },

  async transactions() {
    assert.deepEqual(await redis.multi().set('a', 1).incr('a').hset('h', 'f', 1).hgetall('h').exec(),
      [[null, 'OK'], [null, 2], [null, 1], [null, { f: '1' }]]);
    // A command that fails does not undo the others.
    const [pushed, [error], got] = await redis.multi().rpush('list', 1).incr('list').get('a').exec();
    assert.deepEqual([pushed, got], [[null, 1], [null, '2']]);
    assert.match(error.message, /^WRONGTYPE /);
    // What cannot be queued does.
    const abort = await failure(redis.multi().set('a', 'never').call('GET').exec());
    assert.match(abort.message, /^EXECABORT Transaction discarded because of previous errors/);
    assert.match(abort.previousErrors[0].message, /^ERR wrong number of arguments for 'get' command/);
    assert.equal(await redis.get('a'), '2');
    // One command at a time.
    assert.equal(await redis.multi({ pipeline: false }), 'OK');
    assert.equal(await redis.set('b', 'queued'), 'QUEUED');
    assert.equal(await (await another()).get('b'), null);
    assert.deepEqual(await redis.exec(), [[null, 'OK']]);
    assert.equal(await redis.multi({ pipeline: false }), 'OK');
    assert.equal(await redis.del('b'), 'QUEUED');
    assert.equal(await redis.discard(), 'OK');
    assert.equal(await redis.get('b'), 'queued');
  },

  async watch() {
    const other = await another();
    await redis.set('balance', 10);
    await redis.watch('balance');
    await other.set('balance', 20);
    assert.equal(await redis.multi().set('balance', 11).exec(), null);
    assert.equal(await redis.get('balance'), '20');
    await redis.watch('balance');
    assert.deepEqual(await redis.multi().incr('balance').exec(), [[null, 21]]);
    await redis.watch('balance');
    await other.set('balance', 1);
    await redis.unwatch();
    assert.deepEqual(await redis.multi().incr('balance').exec(), [[null, 2]]);
    // Optimistic locking, by several at once: nothing is counted twice, and nothing gets lost.
    const clients = await Promise.all(Array.from({ length: 5 }, () => another()));
    await Promise.all(clients.map(async (client) => {
      for (let done = 0; done < 20;) {
        await client.watch('balance');
        const seen = Number(await client.get('balance'));
        if (await client.multi().set('balance', seen + 1).exec()) done += 1;
      }
    }));
    assert.equal(await redis.get('balance'), '102');
  },

  async scripts() {
    const client = await another({
      scripts: {
        sum: { numberOfKeys: 2, readOnly: true, lua: 'return redis.call("GET", KEYS[1]) + redis.call("GET", KEYS[2])' },
      },
    });
    client.defineCommand('raise', {
      numberOfKeys: 1,
      lua: `local now = tonumber(redis.call('GET', KEYS[1]) or 0)
            if now + ARGV[1] > 10 then return redis.error_reply('LIMIT reached') end
            redis.call('SET', KEYS[1], now + ARGV[1])
            return {now, now + ARGV[1], ARGV[1], cjson.encode({now = now}), cmsgpack.unpack(cmsgpack.pack('packed'))}`,
    });
    assert.deepEqual(await client.raise('n', 3), [0, 3, '3', '{"now":0}', 'packed']);
    assert.deepEqual(await client.raise('n', 4), [3, 7, '4', '{"now":3}', 'packed']);
    assert.equal((await failure(client.raise('n', 4))).message.split(' ').slice(0, 2).join(' '), 'LIMIT reached');
    assert.equal(await client.get('n'), '7');
    // The script is no longer there: ioredis sends it anew.
    assert.equal(await redis.script('FLUSH'), 'OK');
    assert.deepEqual(await client.raise('n', 1), [7, 8, '1', '{"now":7}', 'packed']);
    await redis.script('FLUSH');
    assert.deepEqual(await client.pipeline().raise('n', 1).get('n').exec(),
      [[null, [8, 9, '1', '{"now":8}', 'packed']], [null, '8']]);
    assert.equal(await client.sum('n', 'n'), 18);
    assert.deepEqual((await client.multi().sum('n', 'n').raise('m', 2).exec()).map(([error]) => error), [null, null]);
    const digest = await redis.script('LOAD', 'return ARGV[1]');
    assert.deepEqual(await redis.script('EXISTS', digest, '0'.repeat(40)), [1, 0]);
    assert.equal(await redis.evalsha(digest, 0, 'argument'), 'argument');
    assert.match((await failure(redis.evalsha('0'.repeat(40), 0))).message, /^NOSCRIPT /);
    assert.match((await failure(redis.eval('return no_such_variable', 0))).message, /no_such_variable/);
  },

  async functions() {
    const code = `#!lua name=mylib
      redis.register_function('add', function(keys, args) return redis.call('INCRBY', keys[1], args[1]) end)`;
    assert.equal(await redis.function('LOAD', 'REPLACE', code), 'mylib');
    assert.equal(await redis.fcall('add', 1, 'counter', 5), 5);
    assert.equal((await redis.function('LIST'))[0][1], 'mylib');
    assert.equal(await redis.function('DELETE', 'mylib'), 'OK');
    assert.match((await failure(redis.fcall('add', 1, 'counter', 5))).message, /^ERR Function not found/);
  },

  async messages() {
    const subscriber = await another();
    const got = [];
    subscriber.on('message', (channel, message) => got.push(`${channel}=${message}`));
    subscriber.on('pmessage', (pattern, channel, message) => got.push(`${pattern} ${channel}=${message}`));
    const binary = [];
    subscriber.on('messageBuffer', (channel, message) => binary.push(message));
    assert.equal(await subscriber.subscribe('news', 'weather'), 2);
    assert.equal(await subscriber.psubscribe('new?', 'w*'), 4);
    assert.match((await failure(subscriber.get('key'))).message, /subscriber mode/);
    assert.deepEqual(await subscriber.ping(), ['pong', '']);
    assert.equal(await redis.publish('news', 'one'), 2);
    assert.equal(await redis.publish('weather', Buffer.from([0xff, 0x00, 0x0d, 0x0a])), 2);
    assert.equal(await redis.publish('nobody', 'hears'), 0);
    await until(() => got.length === 4, 'all messages came');
    assert.deepEqual(got.slice(0, 2), ['news=one', 'new? news=one']);
    assert.deepEqual(binary[1], Buffer.from([0xff, 0x00, 0x0d, 0x0a]));
    assert.deepEqual((await redis.pubsub('CHANNELS')).sort(), ['news', 'weather']);
    assert.deepEqual(await redis.pubsub('NUMSUB', 'news', 'none'), ['news', 1, 'none', 0]);
    assert.equal(await redis.pubsub('NUMPAT'), 2);
    assert.deepEqual(await redis.multi().publish('news', 'two').set('a', 1).exec(), [[null, 2], [null, 'OK']]);
    assert.equal(await subscriber.unsubscribe('news', 'weather'), 2);
    assert.equal(await subscriber.punsubscribe(), 0);
    assert.equal(await subscriber.get('a'), '1');
  },

  // ioredis connects again by itself, subscribes again, and sends again what was not answered.
  async brokenConnections() {
    const subscriber = await another({ retryStrategy: () => 10 });
    const got = [];
    subscriber.on('message', (channel, message) => got.push(message));
    await subscriber.subscribe('news');
    const waiting = await another({ retryStrategy: () => 10, connectionName: 'waiting', db: 3 });
    const element = waiting.blpop('queue', 0);
    const waits = async () => /name=waiting .*db=3 .*cmd=blpop/.test(await redis.client('LIST'));
    await until(waits, 'blpop waits');
    assert.equal(await redis.client('KILL', 'TYPE', 'pubsub'), 1);
    assert.equal(await redis.client('KILL', 'ID', /id=(\d+) .*name=waiting/.exec(await redis.client('LIST'))[1]), 1);
    await until(waits, 'blpop waits again');
    await until(async () => (await redis.publish('news', 'again')) === 1, 'it has subscribed again');
    await until(() => got.includes('again'), 'a message comes');
    await (await another({ db: 3 })).rpush('queue', 'element');
    assert.deepEqual(await element, ['queue', 'element']);
  },

  async keyspaceNotifications() {
    const subscriber = await another();
    const got = [];
    subscriber.on('message', (channel, message) => got.push(`${channel} ${message}`));
    const [, before] = await redis.config('GET', 'notify-keyspace-events');
    await redis.config('SET', 'notify-keyspace-events', 'KEA');
    await subscriber.subscribe('__keyspace@0__:key', '__keyevent@0__:expired');
    await redis.set('key', 1, 'PX', 500);
    await until(async () => (await redis.exists('key')) === 0 && got.length === 4, 'the key expired');
    assert.deepEqual(got.sort(), ['__keyevent@0__:expired key', '__keyspace@0__:key expire',
      '__keyspace@0__:key expired', '__keyspace@0__:key set']);
    await redis.config('SET', 'notify-keyspace-events', before);
  },

  async blockingCommands() {
    const blocked = await another();
    assert.equal(await blocked.brpop('q', 'r', 0.05), null);
    assert.equal(await blocked.bzpopmin('z', 0.05), null);
    const begin = Date.now();
    assert.equal(await blocked.blpop('q', 0.2), null);
    assert.ok(Date.now() - begin >= 190);
    const waits = (name) => until(async () => (await redis.client('LIST')).includes(`cmd=${name}`), `${name} waits`);
    let reply = blocked.brpop('q', 'r', 20);
    await waits('brpop');
    assert.equal(await redis.rpush('r', 'a', 'b'), 2);
    assert.deepEqual(await reply, ['r', 'b']);
    reply = blocked.blmove('q', 'target', 'LEFT', 'RIGHT', 20);
    await waits('blmove');
    await redis.multi().rpush('q', 'x').rpush('q', 'y').exec();
    assert.equal(await reply, 'x');
    assert.deepEqual(await redis.lrange('target', 0, -1), ['x']);
    reply = blocked.bzpopmin('z', 20);
    await waits('bzpopmin');
    await redis.zadd('z', 2, 'two', 1, 'one');
    assert.deepEqual(await reply, ['z', 'one', '1']);
    // Each element is for one of those who wait.
    const clients = await Promise.all(Array.from({ length: 10 }, () => another()));
    const replies = clients.map((client) => client.blpop('work', 20));
    await until(async () => (await redis.client('LIST')).split('cmd=blpop').length === 11, 'ten wait');
    await redis.rpush('work', ...Array.from({ length: 10 }, (_, i) => i));
    assert.deepEqual((await Promise.all(replies)).map(([, element]) => Number(element)).sort(),
      [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  },

  async autoPipelining() {
    const client = await another({ enableAutoPipelining: true });
    const numbers = Array.from({ length: 2000 }, (_, i) => i);
    assert.ok((await Promise.all(numbers.map((i) => client.set(`k${i}`, i)))).every((reply) => reply === 'OK'));
    assert.deepEqual((await Promise.all(numbers.map((i) => client.get(`k${i}`)))).map(Number), numbers);
    const [good, bad, last] = await Promise.allSettled([client.incr('n'), client.lpush('k1', 1), client.incr('n')]);
    assert.deepEqual([good.value, last.value], [1, 2]);
    assert.match(bad.reason.message, /^WRONGTYPE /);
  },

  async buffers() {
    const every = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    const key = Buffer.concat([Buffer.from('key:'), every]);
    assert.equal(await redis.set(key, every), 'OK');
    assert.deepEqual(await redis.getBuffer(key), every);
    assert.deepEqual(await redis.keysBuffer('*'), [key]);
    assert.equal(await redis.hset('h', every, every), 1);
    assert.deepEqual(await redis.hkeysBuffer('h'), [every]);
    await redis.rpush('l', every, '', 'plain');
    assert.deepEqual(await redis.lrangeBuffer('l', 0, -1), [every, Buffer.alloc(0), Buffer.from('plain')]);
    const dump = await redis.dumpBuffer('l');
    assert.equal(await redis.restore('copy', 0, dump), 'OK');
    assert.deepEqual(await redis.lrangeBuffer('copy', 0, 0), [every]);
    const big = Buffer.alloc(8 << 20, every);
    assert.equal(await redis.set('big', big), 'OK');
    assert.ok((await redis.getBuffer('big')).equals(big));
    assert.deepEqual(await redis.callBuffer('GETRANGE', 'big', 10, 12), Buffer.from([10, 11, 12]));
  },

  async monitor() {
    const monitor = await (await another()).monitor();
    const seen = [];
    monitor.on('monitor', (time, args, source, database) => seen.push({ time, args, source, database }));
    const client = await another({ db: 2 });
    await client.set('watched', 'va lue');
    await until(() => seen.some(({ args }) => args[0].toLowerCase() === 'set'), 'the monitor shows it');
    const { time, args, source, database } = seen.find((line) => line.args[0].toLowerCase() === 'set');
    assert.deepEqual(args.slice(1), ['watched', 'va lue']);
    assert.equal(database, '2');
    assert.match(source, /^127\.0\.0\.1:\d+$/);
    assert.ok(Math.abs(Number(time) * 1000 - Date.now()) < 60000);
    monitor.disconnect();
  },

  async keyPrefix() {
    const client = await another({ keyPrefix: 'app:' });
    const lua = 'return redis.call("MSET", KEYS[1], ARGV[1], KEYS[2], ARGV[1])';
    client.defineCommand('setBoth', { numberOfKeys: 2, lua });
    assert.equal(await client.set('a', 1), 'OK');
    assert.equal(await client.setBoth('b', 'c', 2), 'OK');
    assert.deepEqual((await client.pipeline().rename('a', 'd').zadd('z', 1, 'm').exec()).map(([, r]) => r), ['OK', 1]);
    assert.equal(await client.zunionstore('y', 1, 'z'), 1);
    assert.deepEqual((await redis.keys('*')).sort(), ['app:b', 'app:c', 'app:d', 'app:y', 'app:z']);
    assert.deepEqual(await client.mget('b', 'c', 'd'), ['2', '2', '1']);
  },

  async errors() {
    await redis.rpush('list', 1);
    const messageOf = async (promise) => (await failure(promise)).message;
    assert.equal(await messageOf(redis.get('list')),
      'WRONGTYPE Operation against a key holding the wrong kind of value');
    assert.match(await messageOf(redis.call('GET')), /^ERR wrong number of arguments for 'get' command/);
    assert.match(await messageOf(redis.call('NOSUCH', 'a', 'b')),
      /^ERR unknown command 'NOSUCH', with args beginning with: 'a' 'b'/);
    assert.equal(await messageOf(redis.set('a', 1, 'EX', 'x')), 'ERR value is not an integer or out of range');
    assert.equal(await messageOf(redis.set('a', 1, 'WHAT')), 'ERR syntax error');
    assert.equal(await messageOf(redis.select(99)), 'ERR DB index is out of range');
    assert.match(await messageOf(redis.xgroup('CREATE', 'none', 'g', '$')), /^ERR The XGROUP subcommand requires/);
    assert.equal(await messageOf(redis.exec()), 'ERR EXEC without MULTI');
    const error = await failure(redis.incr('list'));
    assert.equal(error.name, 'ReplyError');
    assert.equal(error.command.name, 'incr');
  },

  async databasesAndServer() {
    const third = await another({ db: 3, connectionName: 'third' });
    await third.set('here', 1);
    assert.equal(await redis.exists('here'), 0);
    assert.equal(await redis.select(3), 'OK');
    assert.equal(await redis.dbsize(), 1);
    await redis.select(0);
    assert.equal(await third.move('here', 0), 1);
    assert.equal(await redis.get('here'), '1');
    assert.equal(await third.client('GETNAME'), 'third');
    assert.match(await redis.info('server'), /redis_version:\d/);
    assert.equal((await redis.time()).length, 2);
    assert.equal(await redis.object('ENCODING', 'here'), 'int');
    assert.deepEqual((await redis.command('INFO', 'get'))[0].slice(0, 2), ['get', 2]);
    assert.equal((await redis.role())[0], 'master');
    assert.equal(await third.quit(), 'OK');
  },
};

run(checks, async () => {
  for (const client of others.splice(0)) client.disconnect();
  await redis.flushall();
});
