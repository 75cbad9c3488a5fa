// A client sends the name of a topic to subscribe to it; the server publishes to one.

"use strict";

const uws = require("@trufflesuite/uws-js-unofficial");
const { makeEvent, obey } = require("../pacing.js");

const app = uws
  .App()
  .ws("/*", {
    compression: uws.DISABLED,
    idleTimeout: 120,
    maxBackpressure: 64 * 1024 * 1024,
    message: (socket, topic) => {
      socket.subscribe(Buffer.from(topic).toString());
      socket.send("subscribed");
    },
  })
  .listen("127.0.0.1", Number(process.argv[2]), (listening) => {
    if (!listening) process.exit(1);
  });

obey((due) => app.publish("bench:1", JSON.stringify(makeEvent(due))));
