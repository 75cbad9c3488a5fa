import { ClientLine } from "../../src/client-line.js";
import { WsClient, type WsClientOptions } from "../../src/ws-client.js";
import { ManualWorld, settle } from "./manual-world.js";

/** A client line in a manual world, connected unless told otherwise. */
export async function manualLine(
  options: WsClientOptions = {},
): Promise<{ world: ManualWorld; client: ClientLine<WsClient> }> {
  const world = new ManualWorld();
  const client = new ClientLine(new WsClient("ws://here/api/ws/v2", world.options(options)), (error) =>
    world.errors.push(error),
  );
  client.line.start();
  await settle();
  world.socket.open();
  return { world, client };
}
