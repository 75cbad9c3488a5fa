import { type App, useApp } from "../state/app-state";
import { withEarlier } from "../state/system-history";
import { Listening } from "./listening";

/** Milliseconds from letting a topic go to asking anew. */
const RETRY = 100;

/** Keeps the server's state of the store up to date while a view shows it. */
export class OperationsWsManager {
  readonly #app: App;
  readonly #listening = new Listening();
  #retrying: ReturnType<typeof setTimeout> | undefined;

  constructor(app: App) {
    this.#app = app;
  }

  /** Begin to listen; the view was mounted. */
  initialize(): void {
    this.#listening.to(this.#app.topics.system, (view) =>
      useApp.setState(({ system }) => ({
        system: system ? { ...view, data: withEarlier(view.data, system.data) } : view,
      })),
    );
  }

  /** Ask anew for what the server refused. The topic is let go first, which takes a moment. */
  retry(): void {
    this.cleanup();
    useApp.setState({ system: null });
    this.#retrying = setTimeout(() => this.initialize(), RETRY);
  }

  /** Stop, and remove the own handlers alone; the view is gone. */
  cleanup(): void {
    clearTimeout(this.#retrying);
    this.#listening.stop();
  }
}
