'use strict';
// What the clients' programs are made of.

const server = { host: process.env.REDIS_HOST, port: Number(process.env.REDIS_PORT) };

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

// Polls until the condition holds, and returns what it returned.
async function until(condition, what, seconds = 20) {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const result = await condition();
    if (result) return result;
    if (Date.now() > deadline) throw new Error(`not within ${seconds} s: ${what}`);
    await pause(5);
  }
}

// The error that a promise ends with.
async function failure(promise) {
  let result;
  try {
    result = await promise;
  } catch (error) {
    return error;
  }
  throw new Error(`there is no error, but ${JSON.stringify(result)}`);
}

// Runs the checks one after the other, each on an empty Redis, and ends the process with what came of them.
async function run(checks, flush) {
  let failed = 0;
  for (const [name, check] of Object.entries(checks)) {
    const begin = Date.now();
    try {
      await flush();
      await check();
      console.log(`${name}: right, ${Date.now() - begin} ms`);
    } catch (error) {
      failed += 1;
      console.log(`${name}: WRONG`, error);
    }
  }
  process.exit(failed ? 1 : 0);
}

module.exports = { server, pause, until, failure, run };
