import { type App, useApp } from "../state/app-state";
import { Listening } from "./listening";

/** Keeps the server's state of the store up to date while a view shows it. */
export class OperationsWsManager {
  readonly #app: App;
  readonly #listening = new Listening();

  constructor(app: App) {
    this.#app = app;
  }

  /** Begin to listen; the view was mounted. */
  initialize(): void {
    this.#listening.to(this.#app.topics.system, (system) => useApp.setState({ system }));
  }

  /** Stop, and remove the own handlers alone; the view is gone. */
  cleanup(): void {
    this.#listening.stop();
  }
}
