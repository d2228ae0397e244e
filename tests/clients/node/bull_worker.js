'use strict';
// Does the jobs of the queue, ten at once. Each writes down that it was done, in the set "done".

const assert = require('node:assert/strict');
const Redis = require('ioredis');
const { Worker } = require('bullmq');
const { name, connection, acknowledged, tell } = require('./bull_queue');

const redis = new Redis(connection).on('error', tell);

async function work(job) {
  if (job.name === 'parent') {
    const values = await acknowledged(() => job.getChildrenValues());
    assert.deepEqual(Object.values(values).sort((a, b) => a - b), [1, 2, 3].map((i) => 2 * (job.data.number + i)));
  }
  await acknowledged(() => redis.sadd('done', job.id));
  return 2 * job.data.number;
}

const worker = new Worker(name, work, {
  connection,
  concurrency: 10,
  // Jobs whose worker was lost, or whose end could not be written down, are soon done again, as often as it takes.
  lockDuration: 2000,
  stalledInterval: 500,
  maxStalledCount: 1000,
  runRetryDelay: 100,
});
worker.on('error', tell);
worker.on('failed', (job, error) => console.log(`job ${job && job.id} failed: ${error.message}`));
