import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A TCP line to a server that can be cut: what is on its way is lost. */
export class CutLine {
  readonly #ends = new Set<Socket>();
  readonly #server;

  constructor(port: number) {
    this.#server = createServer((near) => {
      const far = connect(port, "127.0.0.1");
      for (const [one, other] of [[near, far] as const, [far, near] as const]) {
        this.#ends.add(one);
        one.on("error", () => {});
        one.on("close", () => {
          this.#ends.delete(one);
          other.destroy();
        });
        one.pipe(other);
      }
    });
  }

  /** Begin to listen; returns the port. */
  async listen(): Promise<number> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return (this.#server.address() as AddressInfo).port;
  }

  /** Cut all connections; new ones are taken. */
  cut(): void {
    for (const end of this.#ends) {
      end.resetAndDestroy();
    }
  }

  async close(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, "close");
  }
}
