'use strict';
// What applications do with node-redis. The argument is the version of the protocol, 2 or 3.

const assert = require('node:assert/strict');
const {
  createClient, createClientPool, BasicClientSideCache, defineScript, ErrorReply, MultiErrorReply,
  RESP_TYPES, WatchError,
} = require('redis');
const { server, until, failure, run } = require('./checks');

const RESP = Number(process.argv[2]);
// With RESP3 node-redis hands out what XREAD and some others answer as it comes, and only when asked to.
const options = { RESP, unstableResp3: true, socket: server };
const others = [];
let redis;

async function opened(client) {
  client.on('error', (error) => console.log('error event:', error.message));
  await client.connect();
  return client;
}

// A client of its own, closed after the check.
async function another(more) {
  const client = await opened(createClient({ ...options, ...more }));
  others.push(client);
  return client;
}

async function all(iterator) {
  const found = [];
  for await (const some of iterator) found.push(...some);
  return found;
}

// Objects that replies come as have no prototype.
const plain = (object) => ({ ...object });

async function waits(command, count = 1) {
  const waiting = async () => (await redis.clientList()).filter(({ cmd }) => cmd === command).length === count;
  await until(waiting, `${count} wait in ${command}`);
}

const checks = {
  async strings() {
    assert.equal(await redis.set('key', 'value'), 'OK');
    assert.equal(await redis.get('key'), 'value');
    assert.equal(await redis.get('none'), null);
    assert.equal(await redis.set('key', 'other', { condition: 'NX' }), null);
    assert.equal(await redis.set('key', 'other', { expiration: { type: 'PX', value: 100000 }, GET: true }), 'value');
    assert.ok((await redis.pTTL('key')) > 90000);
    assert.equal(await redis.incrBy('n', 5), 5);
    assert.equal(await redis.incrByFloat('n', 0.25), '5.25');
    assert.equal(await redis.mSet({ a: '1', b: '2' }), 'OK');
    assert.deepEqual(await redis.mGet(['a', 'none', 'b']), ['1', null, '2']);
    assert.equal(await redis.pSetEx('soon', 20, 'gone'), 'OK');
    await until(async () => (await redis.get('soon')) === null, 'the key expires');
  },

  async hashes() {
    assert.equal(await redis.hSet('h', { name: 'Ada', born: 1815, other: 'ä€😀' }), 3);
    assert.deepEqual(plain(await redis.hGetAll('h')), { name: 'Ada', born: '1815', other: 'ä€😀' });
    assert.deepEqual(plain(await redis.hGetAll('none')), {});
    assert.equal(await redis.hIncrBy('h', 'born', 1), 1816);
    assert.deepEqual(await redis.hmGet('h', ['name', 'none']), ['Ada', null]);
    assert.deepEqual((await all(redis.hScanIterator('h'))).map(({ field }) => field).sort(), ['born', 'name', 'other']);
  },

  async listsAndSets() {
    assert.equal(await redis.rPush('l', ['1', '2', '3']), 3);
    assert.equal(await redis.lMove('l', 'other', 'LEFT', 'RIGHT'), '1');
    assert.deepEqual(await redis.lRange('l', 0, -1), ['2', '3']);
    assert.deepEqual(await redis.lPopCount('l', 5), ['2', '3']);
    assert.equal(await redis.lPop('l'), null);
    assert.equal(await redis.sAdd('s', ['a', 'b']), 2);
    assert.deepEqual((await redis.sMembers('s')).sort(), ['a', 'b']);
    assert.deepEqual(await redis.sDiff(['s', 'none']).then((members) => members.sort()), ['a', 'b']);
    assert.ok([true, 1].includes(await redis.sIsMember('s', 'a')));
    assert.deepEqual((await all(redis.sScanIterator('s'))).sort(), ['a', 'b']);
  },

  async sortedSets() {
    assert.equal(await redis.zAdd('z', [{ score: 1.5, value: 'one' }, { score: Infinity, value: 'most' }]), 2);
    assert.equal(await redis.zScore('z', 'one'), 1.5);
    assert.equal(await redis.zScore('z', 'none'), null);
    assert.equal(await redis.zIncrBy('z', 0.5, 'one'), 2);
    assert.deepEqual((await redis.zRangeWithScores('z', 0, -1)).map(plain),
      [{ value: 'one', score: 2 }, { value: 'most', score: Infinity }]);
    assert.deepEqual(plain(await redis.zPopMax('z')), { value: 'most', score: Infinity });
    assert.deepEqual((await all(redis.zScanIterator('z'))).map(plain), [{ value: 'one', score: 2 }]);
    assert.equal(await redis.geoAdd('g', { longitude: 15.087269, latitude: 37.502669, member: 'Catania' }), 1);
    assert.equal(Number((await redis.geoPos('g', 'Catania'))[0].longitude).toFixed(4), '15.0873');
  },

  async streams() {
    const blocked = await another();
    const next = blocked.xRead({ key: 'events', id: '$' }, { BLOCK: 20000 });
    await waits('xread');
    const id = await redis.xAdd('events', '*', { n: '1' });
    const entries = (reply) => (RESP === 2
      ? reply.map(({ name, messages }) => [name, messages.map((m) => [m.id, Object.entries(m.message).flat()])])
      : Object.entries(reply));
    assert.deepEqual(entries(await next), [['events', [[id, ['n', '1']]]]]);
    assert.equal(await redis.xGroupCreate('events', 'group', '0'), 'OK');
    assert.deepEqual(entries(await redis.xReadGroup('group', 'me', { key: 'events', id: '>' })),
      [['events', [[id, ['n', '1']]]]]);
    assert.deepEqual(plain(await redis.xPending('events', 'group')),
      { pending: 1, firstId: id, lastId: id, consumers: [{ name: 'me', deliveriesCounter: 1 }] });
    assert.equal(await redis.xAck('events', 'group', id), 1);
    assert.equal((await redis.xInfoStream('events')).length, 1);
    assert.equal((await redis.xInfoGroups('events'))[0].name, 'group');
    assert.equal(await blocked.xRead({ key: 'events', id: '$' }, { BLOCK: 30 }), null);
  },

  async scanIterator() {
    const wanted = Array.from({ length: 1500 }, (_, i) => `scan:${i}`);
    // Commands of one turn go out together.
    await Promise.all(wanted.map((key) => redis.set(key, key)));
    await redis.set('another', 1);
    const found = await all(redis.scanIterator({ MATCH: 'scan:*', COUNT: 100, TYPE: 'string' }));
    assert.deepEqual([...new Set(found)].sort(), wanted.sort());
  },

  async transactions() {
    assert.deepEqual(await redis.multi().set('a', '1').incr('a').zAdd('z', { score: 2, value: 'm' })
      .zScore('z', 'm').exec(), ['OK', 2, 1, 2]);
    assert.deepEqual(await redis.multi().incr('a').get('a').execAsPipeline(), [3, '3']);
    const error = await failure(redis.multi().incr('z').incr('a').exec());
    assert.ok(error instanceof MultiErrorReply);
    assert.deepEqual(error.errorIndexes, [0]);
    assert.match(error.replies[0].message, /^WRONGTYPE /);
    assert.equal(await redis.get('a'), '4');
    const abort = await failure(redis.multi().set('a', 'never').addCommand(['GET']).exec());
    // node-redis tells the reason in the place of EXECABORT.
    assert.match(abort.message, /^ERR wrong number of arguments for 'get' command/);
    assert.equal(await redis.get('a'), '4');
  },

  async watch() {
    const other = await another();
    await redis.watch('balance');
    await other.set('balance', 1);
    assert.ok((await failure(redis.multi().set('balance', 2).exec())) instanceof WatchError);
    await redis.watch('balance');
    assert.deepEqual(await redis.multi().incr('balance').exec(), [2]);
    // Optimistic locking on connections of a pool.
    const pool = createClientPool(options, { minimum: 1, maximum: 4 });
    await opened(pool);
    await Promise.all(Array.from({ length: 40 }, () => pool.execute(async (client) => {
      for (;;) {
        await client.watch('balance');
        const seen = Number(await client.get('balance'));
        try {
          return await client.multi().set('balance', seen + 1).exec();
        } catch (error) {
          if (!(error instanceof WatchError)) throw error;
        }
      }
    })));
    await pool.close();
    assert.equal(await redis.get('balance'), '42');
  },

  async scripts() {
    const client = await another({
      scripts: {
        raise: defineScript({
          NUMBER_OF_KEYS: 1,
          SCRIPT: 'return {redis.call("INCRBY", KEYS[1], ARGV[1]), ARGV[2]}',
          parseCommand(parser, key, by, text) {
            parser.pushKey(key);
            parser.push(String(by), text);
          },
          transformReply: ([now, text]) => ({ now, text }),
        }),
      },
    });
    assert.deepEqual(await client.raise('n', 3, 'x'), { now: 3, text: 'x' });
    await redis.scriptFlush();
    assert.deepEqual(await client.raise('n', 4, 'y'), { now: 7, text: 'y' });
    assert.deepEqual(await client.multi().raise('n', 1, 'z').get('n').exec(), [{ now: 8, text: 'z' }, '8']);
    const digest = await redis.scriptLoad('return redis.call("GET", KEYS[1])');
    assert.equal(await redis.evalSha(digest, { keys: ['n'] }), '8');
    assert.match((await failure(redis.evalSha('0'.repeat(40)))).message, /^NOSCRIPT /);
    const code = `#!lua name=mylib
      redis.register_function{function_name='read', flags={'no-writes'},
        callback=function(keys) return redis.call('GET', keys[1]) end}`;
    assert.equal(await redis.functionLoad(code, { REPLACE: true }), 'mylib');
    assert.equal(await redis.fCallRo('read', { keys: ['n'], arguments: [] }), '8');
    assert.equal((await redis.functionList())[0].library_name, 'mylib');
    assert.equal(await redis.functionDelete('mylib'), 'OK');
  },

  async messages() {
    const subscriber = await another();
    const got = [];
    const note = (message, channel) => got.push(`${channel}=${message}`);
    const binary = [];
    await subscriber.subscribe(['news', 'weather'], note);
    await subscriber.pSubscribe('new?', note);
    await subscriber.sSubscribe('shard', note);
    await subscriber.subscribe('bytes', (message) => binary.push(message), true);
    assert.equal(await redis.publish('news', 'one'), 2);
    assert.equal(await redis.sPublish('shard', 'two'), 1);
    assert.equal(await redis.publish('weather', 'three'), 1);
    assert.equal(await redis.publish('shard', 'nobody hears'), 0);
    assert.equal(await redis.publish('bytes', Buffer.from([0xff, 0x00])), 1);
    await until(() => got.length === 4 && binary.length === 1, 'all messages came');
    assert.deepEqual(got, ['news=one', 'news=one', 'shard=two', 'weather=three']);
    assert.deepEqual(binary, [Buffer.from([0xff, 0x00])]);
    assert.deepEqual(plain(await redis.pubSubNumSub(['news', 'none'])), { news: 1, none: 0 });
    assert.equal(await redis.pubSubNumPat(), 1);
    assert.deepEqual(await redis.pubSubShardChannels(), ['shard']);
    // With RESP3, messages come between the replies of a connection that does other things, too.
    if (RESP === 3) {
      assert.equal(await subscriber.set('key', 'value'), 'OK');
      assert.equal(await subscriber.publish('news', 'own'), 2);
      await until(() => got.length === 6, 'its own message came');
    }
    await subscriber.sUnsubscribe('shard');
    await subscriber.pUnsubscribe('new?');
    await subscriber.unsubscribe();
    assert.deepEqual(await redis.pubSubChannels(), []);
    // (As a Buffer, at first, from node-redis with RESP2.)
    assert.equal(String(await subscriber.echo('commands again')), 'commands again');
  },

  async clientSideCache() {
    if (RESP === 2) return;
    const cache = new BasicClientSideCache({ ttl: 0, maxEntries: 0, evictPolicy: 'LRU' });
    const client = await another({ clientSideCache: cache });
    await redis.set('key', 'one');
    await redis.hSet('h', 'f', 'one');
    assert.equal(await client.get('key'), 'one');
    assert.equal(await client.get('key'), 'one');
    assert.equal(await client.hGet('h', 'f'), 'one');
    assert.deepEqual([cache.stats().missCount, cache.stats().hitCount], [2, 1]);
    await redis.set('key', 'two');
    await until(async () => (await client.get('key')) === 'two', 'the change is seen');
    await redis.eval('redis.call("DEL", KEYS[1])', { keys: ['key'] });
    await until(async () => (await client.get('key')) === null, 'the script is seen');
    await redis.set('key', 'three', { expiration: { type: 'PX', value: 500 } });
    await until(async () => (await client.get('key')) === 'three', 'the new value is seen');
    await until(async () => (await client.get('key')) === null, 'the expiry is seen');
    const misses = cache.stats().missCount;
    assert.equal(await client.hGet('h', 'f'), 'one');
    assert.equal(cache.stats().missCount, misses);
    await redis.flushAll();
    await until(async () => (await client.hGet('h', 'f')) === null, 'that all is gone is seen');
    // Its connection breaks: it keeps nothing that could be out of date.
    await client.set('key', 'before');
    assert.equal(await client.get('key'), 'before');
    const id = await client.clientId();
    assert.equal(await redis.clientKill({ filter: 'ID', id }), 1);
    await redis.set('key', 'after');
    await until(async () => (await client.get('key')) === 'after', 'the change is seen after all');
  },

  async blockingCommands() {
    const blocked = await another();
    assert.equal(await blocked.blPop('q', 0.05), null);
    let reply = blocked.brPop(['q', 'r'], 20);
    await waits('brpop');
    await redis.rPush('r', ['a', 'b']);
    assert.deepEqual(plain(await reply), { key: 'r', element: 'b' });
    reply = blocked.bzPopMin('z', 20);
    await waits('bzpopmin');
    await redis.zAdd('z', [{ score: 2, value: 'two' }, { score: 1, value: 'one' }]);
    assert.deepEqual(plain(await reply), { key: 'z', value: 'one', score: 1 });
    reply = blocked.blmPop(20, ['q'], 'LEFT', { COUNT: 2 });
    await waits('blmpop');
    await redis.multi().rPush('q', 'x').rPush('q', 'y').exec();
    assert.deepEqual(await reply, ['q', ['x', 'y']]);
    reply = blocked.blPop('q', 0);
    await waits('blpop');
    const { id } = (await redis.clientList()).find(({ cmd }) => cmd === 'blpop');
    assert.equal(await redis.sendCommand(['CLIENT', 'UNBLOCK', String(id)]), 1);
    assert.equal(await reply, null);
  },

  async binaryAndTypes() {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    const client = redis.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
    assert.equal(await client.set(bytes, bytes), 'OK');
    assert.deepEqual(await client.get(bytes), bytes);
    assert.deepEqual(await client.keys('*'), [bytes]);
    const big = Buffer.alloc(4 << 20, bytes);
    await client.set('big', big);
    assert.ok((await client.get('big')).equals(big));
    await redis.hSet('h', { a: '1', b: '2' });
    const maps = redis.withTypeMapping({ [RESP_TYPES.MAP]: Map });
    assert.deepEqual(await maps.hGetAll('h'), new Map([['a', '1'], ['b', '2']]));
    assert.equal(await redis.eval('return 2^53'), 2 ** 53);
  },

  async monitor() {
    const monitor = await another();
    const lines = [];
    await monitor.monitor((line) => lines.push(line));
    await redis.set('watched', 'value');
    await until(() => lines.some((line) => line.includes('"SET" "watched" "value"')), 'the monitor shows it');
  },

  async legacyCallbacks() {
    const legacy = redis.legacy();
    const call = (name, ...rest) => new Promise((resolve, reject) => {
      legacy[name](...rest, (error, reply) => (error ? reject(error) : resolve(reply)));
    });
    assert.equal(await call('set', 'key', 'value'), 'OK');
    assert.equal(await call('get', 'key'), 'value');
    assert.match((await failure(call('incr', 'key'))).message, /^ERR value is not an integer/);
    const replies = await new Promise((resolve, reject) => {
      legacy.multi().set('a', '1').incr('a').exec((error, result) => (error ? reject(error) : resolve(result)));
    });
    assert.deepEqual(replies, ['OK', 2]);
  },

  async errors() {
    await redis.rPush('list', 'x');
    const error = await failure(redis.get('list'));
    assert.ok(error instanceof ErrorReply);
    assert.equal(error.message, 'WRONGTYPE Operation against a key holding the wrong kind of value');
    assert.match((await failure(redis.sendCommand(['NOSUCH', 'a']))).message, /^ERR unknown command 'NOSUCH'/);
    assert.match((await failure(redis.sendCommand(['GET']))).message, /^ERR wrong number of arguments for 'get'/);
    assert.match((await failure(redis.select(99))).message, /^ERR DB index is out of range/);
    assert.match((await failure(redis.eval('return redis.error_reply("MY error")'))).message, /^MY error/);
    const [good, bad, last] = await Promise.allSettled([redis.incr('n'), redis.incr('list'), redis.incr('n')]);
    assert.deepEqual([good.value, last.value], [1, 2]);
    assert.match(bad.reason.message, /^WRONGTYPE /);
  },

  async connection() {
    const client = await another({ name: 'me', database: 4 });
    assert.equal(await client.clientGetName(), 'me');
    const { id, db, resp } = await client.clientInfo();
    assert.deepEqual([db, resp], [4, RESP]);
    await client.set('here', 'value');
    assert.equal(await redis.exists('here'), 0);
    // It connects again by itself, into its database.
    assert.equal(await redis.clientKill({ filter: 'ID', id }), 1);
    await until(async () => (await redis.clientList()).some((other) => other.name === 'me' && other.id !== id),
      'it has connected again');
    assert.equal(await client.get('here'), 'value');
    assert.match(await client.info('server'), /redis_version:\d/);
    assert.equal(plain(await client.configGet('maxmemory')).maxmemory, '0');
    assert.equal((await client.role()).role, 'master');
    assert.equal(await client.ping(), 'PONG');
  },
};

(async () => {
  redis = await opened(createClient(options));
  await run(checks, async () => {
    for (const client of others.splice(0)) client.destroy();
    await redis.flushAll();
  });
})();
