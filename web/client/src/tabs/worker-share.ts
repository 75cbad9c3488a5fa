import type { HubNotice } from "./messages.js";
import type { Worker } from "./platform.js";
import type { Share, ShareEvents } from "./share.js";

/** A SharedWorker owns the line. */
export class WorkerShare implements Share {
  readonly kind = "worker";
  readonly #make: () => Worker;
  #worker: Worker | undefined;
  #events: ShareEvents | undefined;
  #hasAnswered = false;

  constructor(make: () => Worker) {
    this.#make = make;
  }

  open(_id: string, events: ShareEvents): void {
    this.#events = events;
    try {
      const worker = this.#make();
      this.#worker = worker;
      // A worker that cannot be loaded says so here, and in no other way.
      worker.onerror = () => this.#hasAnswered || this.#fail(worker, "The shared worker could not be loaded");
      worker.port.onmessage = ({ data }) => {
        this.#hasAnswered = true;
        this.#worker === worker && events.received(data as HubNotice);
      };
      events.joined({ post: (request) => worker.port.postMessage(request) });
    } catch (error) {
      events.failed(String(error));
    }
  }

  retry(): "again" | "next" {
    return this.#hasAnswered ? "again" : "next";
  }

  close(): void {
    this.#worker?.port.close();
    this.#worker = undefined;
  }

  #fail(worker: Worker, reason: string): void {
    if (this.#worker === worker) {
      this.close();
      this.#events?.failed(reason);
    }
  }
}
