'use strict';
// Adds jobs to the queue. Arguments: which ones, "jobs" or "flows", and how many jobs in all.

const Redis = require('ioredis');
const { FlowProducer, Queue } = require('bullmq');
const { name, connection, acknowledged, tell } = require('./bull_queue');
const { until } = require('./checks');

const [kind, jobs] = [process.argv[2], Number(process.argv[3])];
// The worker tries again what it could not write down.
const again = { attempts: 100, backoff: { type: 'fixed', delay: 50 } };

function options(number) {
  if (number % 5 === 1) return { delay: (number * 7) % 2000 };
  if (number % 5 === 3) return { priority: 1 + (number % 20) };
  return {};
}

async function add(queue, flows, number) {
  // A name of its own makes an add that is done twice one job.
  if (kind === 'jobs') {
    await acknowledged(() => queue.add('job', { number }, { jobId: `job-${number}`, ...again, ...options(number) }));
    return 1;
  }
  const child = (i) => ({ name: 'job', queueName: name, data: { number: number + i },
    opts: { jobId: `job-${number + i}`, ...again } });
  await acknowledged(() => flows.add({ ...child(0), name: 'parent', children: [child(1), child(2), child(3)] }));
  return 4;
}

(async () => {
  const queue = new Queue(name, { connection }).on('error', tell);
  const flows = new FlowProducer({ connection }).on('error', tell);
  const redis = new Redis(connection).on('error', tell);
  let next = 0;
  await Promise.all(Array.from({ length: 8 }, async () => {
    while (next < jobs) {
      const number = next;
      next += kind === 'jobs' ? 1 : 4;
      // Not far ahead of the worker: there are jobs to add whenever something is killed.
      await until(async () => number - await acknowledged(() => redis.scard('done')) < 200, 'jobs are done', 120);
      await add(queue, flows, number);
    }
  }));
  console.log(`${jobs} jobs are added`);
  process.exit(0);
})();
