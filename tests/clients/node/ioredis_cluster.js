'use strict';
// ioredis's client of a cluster.

const assert = require('node:assert/strict');
const { once } = require('node:events');
const Redis = require('ioredis');
const { server, failure, run } = require('./checks');

const MANY = 500;
const cluster = new Redis.Cluster([server]);
const names = Array.from({ length: MANY }, (_, number) => `key:${number}`);

// The channel and the text of the next message.
async function next(client, event) {
  return (await once(client, event)).slice(0, 2).map(String);
}

const checks = {
  async keys() {
    await Promise.all(names.map((name) => cluster.set(name, name)));
    assert.deepEqual(await Promise.all(names.map((name) => cluster.get(name))), names);
    const nodes = cluster.nodes('master');
    assert.equal(nodes.length, 1);
    assert.equal(`${nodes[0].options.host}:${nodes[0].options.port}`, `${server.host}:${server.port}`);
    const found = new Set();
    for await (const some of nodes[0].scanStream({ match: 'key:*' })) some.forEach((name) => found.add(name));
    assert.equal(found.size, MANY);
  },

  async pipelines() {
    const pipeline = cluster.pipeline();
    names.forEach((number) => pipeline.set(`{tag}${number}`, number).get(`{tag}${number}`));
    assert.deepEqual(await pipeline.exec(), names.flatMap((number) => [[null, 'OK'], [null, number]]));
    assert.deepEqual(await cluster.multi().incr('{tag}n').incr('{tag}n').exec(), [[null, 1], [null, 2]]);
  },

  async slots() {
    assert.equal(await cluster.mset('{tag}a', 1, '{tag}b', 2), 'OK');
    assert.deepEqual(await cluster.mget('{tag}a', '{tag}b'), ['1', '2']);
    assert.equal(await cluster.eval('return redis.call("incr", KEYS[1])', 1, '{tag}a'), 2);
    const error = await failure(cluster.mset('a', 1, 'b', 2));
    assert.match(error.message, /^CROSSSLOT /);
    assert.equal(await cluster.exists('a'), 0);
    assert.equal((await cluster.cluster('SLOTS')).length, 1);
    assert.equal(await cluster.cluster('COUNTKEYSINSLOT', await cluster.cluster('KEYSLOT', 'tag')), 2);
  },

  async messages() {
    const subscriber = new Redis.Cluster([server]);
    await subscriber.subscribe('channel');
    const message = next(subscriber, 'message');
    await cluster.publish('channel', 'hello');
    assert.deepEqual(await message, ['channel', 'hello']);
    subscriber.disconnect();
  },

  async shardedMessages() {
    const subscriber = new Redis.Cluster([server], { shardedSubscribers: true });
    await subscriber.ssubscribe('{tag}channel');
    const message = next(subscriber, 'smessage');
    await cluster.spublish('{tag}channel', 'hello');
    assert.deepEqual(await message, ['{tag}channel', 'hello']);
    subscriber.disconnect();
  },
};

run(checks, () => cluster.flushall());
