'use strict';
// What the programs that use BullMQ have in common: one queue, which each joins by itself.

const { pause, server } = require('./checks');

const name = 'work';
// null: BullMQ's requests wait for a server that is away, however long.
const connection = { ...server, maxRetriesPerRequest: null, retryStrategy: () => 50 };

// What Holdfast answers while the servers are away; and what ioredis says of a transaction whose connection broke: it
// sends anew what is not part of one. Any other error is none that an application would expect.
const away = /^(NOTWRITTEN |UNKNOWN |LOADING |UNAVAILABLE |Command aborted due to connection close)/;

// Tries until it is acknowledged, as a careful application does: a request that was refused, or a write whose outcome
// is unknown, is sent once more.
async function acknowledged(request) {
  for (;;) {
    try {
      return await request();
    } catch (error) {
      if (!away.test(error.message)) throw error;
      console.log(`once more: ${error.message}`);
      await pause(20);
    }
  }
}

// For the events "error": the servers go away and come back, and BullMQ goes on by itself.
const tell = (error) => console.log(`error event: ${error.message}`);

module.exports = { name, connection, acknowledged, tell };
