// Prints each change of a price: node watch.mjs http://127.0.0.1:8000 EUR
import { connect } from "@trunkline/client";
import { WebSocket } from "ws"; // Node 22 has a WebSocket of its own

const [url, symbol] = process.argv.slice(2);
const { topics } = connect(url, { webSocket: WebSocket });

topics.subscribe(`price:${symbol}`, (update) => {
  console.log(symbol, update.kind === "reset" ? "…" : update.data.price);
});
