// A client sends the name of a topic to subscribe to it. ws has no topics, so they are sets of sockets.

"use strict";

const { WebSocketServer } = require("ws");
const { makeEvent, obey } = require("../pacing.js");

const topics = new Map();
const server = new WebSocketServer({ host: "127.0.0.1", port: Number(process.argv[2]), perMessageDeflate: false, backlog: 4096 });

server.on("connection", (socket) => {
  socket.on("message", (name) => {
    const topic = String(name);
    if (!topics.has(topic)) topics.set(topic, new Set());
    topics.get(topic).add(socket);
    socket.on("close", () => topics.get(topic).delete(socket));
    socket.send("subscribed");
  });
});

obey((due) => {
  // One buffer for all: ws frames it for each socket.
  const event = Buffer.from(JSON.stringify(makeEvent(due)));
  for (const socket of topics.get("bench:1") ?? []) socket.send(event, { binary: false });
});
