// What pacing.py is to servers in Python: the same events, at the times when they are due, when a line says so.

"use strict";

const readline = require("node:readline");

const SIZE = 128;
const OVERTIME = 1.5;
const FILLER = "x".repeat(SIZE - '{"key":"1","at":"stamp=","text":""}'.length - 18);

function makeEvent(due) {
  return { key: "1", at: `stamp=${String(due).padStart(18, "0")}`, text: FILLER };
}

const now = () => Number(process.hrtime.bigint());

// Publish what is due, again and again; `finish` is told how many events there were.
function pace(rate, seconds, publish, finish) {
  const begin = now();
  const interval = 1e9 / rate;
  const total = Math.round(rate * seconds);
  const end = begin + seconds * OVERTIME * 1e9;
  let done = 0;
  const turn = () => {
    const due = Math.min(total, Math.floor((now() - begin) / interval) + 1);
    for (; done < due; done++) {
      if (now() > end) return finish(done);
      publish(begin + Math.round(done * interval));
    }
    if (done >= total) return finish(done);
    const wait = (begin + done * interval - now()) / 1e6;
    if (wait > 0) setTimeout(turn, Math.max(1, wait));
    else setImmediate(turn);
  };
  turn();
}

// Carry out the lines of the standard input; its end is the end of the server.
function obey(publish) {
  const lines = readline.createInterface({ input: process.stdin });
  lines.on("line", (line) => {
    const [, rate, seconds] = line.split(" ").map(Number);
    pace(rate, seconds, publish, (published) => console.log(JSON.stringify({ published })));
  });
  lines.on("close", () => process.exit(0));
}

module.exports = { makeEvent, obey };
