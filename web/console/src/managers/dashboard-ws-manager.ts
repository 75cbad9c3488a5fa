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
    this.#listening.to(agents, (view) => useApp.setState({ agents: view }));
    this.#listening.to(threads, (view) => {
      useApp.setState({ threads: view });
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
