import type { TopicView } from "@trunkline/client/state";

/** What a manager listens to: the part of `TopicState` it needs. */
interface Listenable<Data> {
  readonly subscribe: (listener: () => void) => () => void;
  readonly getSnapshot: () => TopicView<Data>;
}

/** The handlers of one manager, which go together and leave those of others alone. */
export class Listening {
  readonly #stops: (() => void)[] = [];

  /** Take the view of a state now and after each change. */
  to<Data>(state: Listenable<Data>, take: (view: TopicView<Data>) => void): void {
    take(state.getSnapshot());
    this.#stops.push(state.subscribe(() => take(state.getSnapshot())));
  }

  /** Remove all of them. */
  stop(): void {
    for (const stop of this.#stops.splice(0)) {
      stop();
    }
  }
}
