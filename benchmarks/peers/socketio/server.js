// Rooms are Socket.IO's topics, and the server says who is in which: every client in two of them.

"use strict";

const { createServer } = require("node:http");
const { Server } = require("socket.io");
const { makeEvent, obey } = require("../pacing.js");

const http = createServer();
const io = new Server(http, { transports: ["websocket"], perMessageDeflate: false });

let clients = 0;
io.on("connection", (socket) => {
  socket.join(["bench:1", `bench:room-${clients++ % 100}`]);
  socket.emit("joined");
});
http.listen(Number(process.argv[2]), "127.0.0.1", 4096);

obey((due) => io.to("bench:1").emit("ticked", makeEvent(due)));
