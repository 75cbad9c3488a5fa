import { type App, useApp } from "../state/app-state";
import { Listening } from "./listening";

/** Keeps the agents and threads of the store up to date while a view shows them. */
export class DashboardWsManager {
  readonly #app: App;
  readonly #listening = new Listening();

  constructor(app: App) {
    this.#app = app;
  }

  /** Begin to listen; the view was mounted. */
  initialize(): void {
    const { agents, threads } = this.#app.topics;
    this.#listening.to(agents, (view) =>
      useApp.setState(({ truncated }) => ({
        agents: { ...view, data: view.data.byId },
        truncated: { ...truncated, agents: view.data.isTruncated },
      })),
    );
    this.#listening.to(threads, (view) => {
      useApp.setState(({ truncated }) => ({
        threads: view,
        truncated: { ...truncated, threads: view.data.isTruncated },
      }));
      if (view.status === "live") {
        this.#app.seen.begin(view.data);
      }
    });
  }

  /** Stop, and remove the own handlers alone; the view is gone. */
  cleanup(): void {
    this.#listening.stop();
  }
}
