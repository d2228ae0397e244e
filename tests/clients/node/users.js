'use strict';
// ioredis and node-redis over TLS, as a user with a password.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const Redis = require('ioredis');
const { createClient } = require('redis');
const { server, failure, run } = require('./checks');

const tls = { ca: fs.readFileSync(process.env.REDIS_SSL_CA) };
const right = { username: process.env.REDIS_USERNAME, password: process.env.REDIS_PASSWORD };
const strangers = [{ ...right, password: 'wrong' }, { ...right, username: 'nobody' }];

async function ioredis(options) {
  const redis = new Redis({ ...server, tls, lazyConnect: true, retryStrategy: null, ...options });
  const errors = [];
  redis.on('error', (error) => errors.push(error));
  await redis.connect().catch(() => {});
  return { redis, errors };
}

async function nodeRedis(options) {
  const redis = createClient({ socket: { ...server, tls: true, ...tls, reconnectStrategy: false }, ...options });
  redis.on('error', () => {});
  await redis.connect();
  return redis;
}

const checks = {
  async ioredis() {
    const { redis, errors } = await ioredis(right);
    assert.equal(await redis.set('k', 'v'), 'OK');
    assert.equal(await redis.call('ACL', 'WHOAMI'), right.username);
    assert.match((await failure(redis.flushall())).message, /^NOPERM /);
    assert.equal(await redis.get('k'), 'v');
    assert.deepEqual(errors, []);
    redis.disconnect();
    for (const stranger of strangers) {
      const refused = await ioredis(stranger);
      assert.match((await failure(refused.redis.get('k'))).message, /^(NOAUTH|WRONGPASS) |Connection is closed/);
      assert.match(refused.errors.map(({ message }) => message).join(), /WRONGPASS /);
      refused.redis.disconnect();
    }
  },

  async ioredisCluster() {
    const cluster = new Redis.Cluster([server], { redisOptions: { tls, ...right } });
    assert.equal(await cluster.set('k', 'v'), 'OK');
    assert.match((await failure(cluster.flushall())).message, /^NOPERM /);
    assert.equal(await cluster.get('k'), 'v');
    cluster.disconnect();
  },

  async nodeRedis() {
    for (const RESP of [2, 3]) {
      const redis = await nodeRedis({ RESP, ...right });
      assert.equal(await redis.set('k', 'v'), 'OK');
      assert.equal(await redis.aclWhoAmI(), right.username);
      assert.match((await failure(redis.flushAll())).message, /^NOPERM /);
      assert.equal(await redis.get('k'), 'v');
      redis.destroy();
      for (const stranger of strangers) {
        assert.match((await failure(nodeRedis({ RESP, ...stranger }))).message, /^WRONGPASS /);
      }
    }
  },
};

run(checks, async () => {});
