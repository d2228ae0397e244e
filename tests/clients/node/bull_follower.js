'use strict';
// Follows what becomes of the jobs. Ends when it has heard of each that it is completed, and then says what the queue's
// own counts are. Argument: how many jobs there are.

const { Queue, QueueEvents } = require('bullmq');
const { name, connection, acknowledged, tell } = require('./bull_queue');
const { until } = require('./checks');

const jobs = Number(process.argv[2]);
const completed = new Set();

async function follow() {
  const events = new QueueEvents(name, { connection, autorun: false, lastEventId: '0' }).on('error', tell);
  events.on('completed', ({ jobId }) => completed.add(jobId));
  // It ends when a request for events is answered LOADING. What it had heard by then it hears again.
  for (;;) await events.run().catch(tell);
}

(async () => {
  follow();
  await until(() => completed.size >= jobs, `${jobs} jobs are completed`, 300);
  const queue = new Queue(name, { connection }).on('error', tell);
  let counts;
  // A job that was done by two workers may be under way a second time.
  await until(async () => {
    counts = await acknowledged(() => queue.getJobCounts());
    return counts.active === 0;
  }, 'no job is under way');
  console.log(JSON.stringify(counts));
  process.exit(0);
})();
