import type { TabLocks } from "./hub-tab.js";
import type { HubNotice } from "./messages.js";
import type { Worker } from "./platform.js";
import type { Share, ShareEvents } from "./share.js";

/**
 * A SharedWorker owns the line.
 *
 * Nobody tells a page that a worker has died, as with the process of the tab that started it. Where there are Web Locks
 * the worker holds one, and its release tells.
 */
export class WorkerShare implements Share {
  readonly kind = "worker";
  readonly #make: () => Worker;
  readonly #locks: TabLocks | undefined;
  #worker: Worker | undefined;
  #events: ShareEvents | undefined;
  #hasAnswered = false;
  #stopWatching: () => void = () => {};

  constructor(make: () => Worker, locks: TabLocks | undefined) {
    this.#make = make;
    this.#locks = locks;
  }

  open(_id: string, events: ShareEvents): void {
    this.#events = events;
    try {
      const worker = this.#make();
      this.#worker = worker;
      // A worker that cannot be loaded says so here, and in no other way.
      worker.onerror = () => this.#hasAnswered || this.#fail(worker, "The shared worker could not be loaded");
      worker.port.onmessage = ({ data }) => this.#receive(worker, data as readonly HubNotice[], events);
      events.joined({ post: (request) => worker.port.postMessage(request) });
    } catch (error) {
      events.failed(String(error));
    }
  }

  retry(): "again" | "next" {
    return this.#hasAnswered ? "again" : "next";
  }

  close(): void {
    this.#stopWatching();
    this.#worker?.port.close();
    this.#worker = undefined;
  }

  #receive(worker: Worker, notices: readonly HubNotice[], events: ShareEvents): void {
    for (const notice of notices) {
      // What the tab does with one may end this worker for it.
      if (this.#worker === worker) {
        this.#take(notice, events);
      }
    }
  }

  #take(notice: HubNotice, events: ShareEvents): void {
    this.#hasAnswered = true;
    if (notice.kind === "welcome" && notice.lock !== undefined && this.#locks) {
      this.#stopWatching();
      this.#stopWatching = this.#locks.whenFree(notice.lock, () => events.died("The shared worker has died"));
    }
    events.received(notice);
  }

  #fail(worker: Worker, reason: string): void {
    if (this.#worker === worker) {
      this.close();
      this.#events?.failed(reason);
    }
  }
}
