import { useInsertionEffect, useMemo, useRef, useSyncExternalStore } from "react";
import { type TopicOptions, TopicState, type TopicView } from "../state/topic-state.js";
import { useClient } from "./context.js";

/**
 * What a topic holds, kept up to date while the component is shown.
 *
 * ```tsx
 * const { data: agent, status } = useTopic<Agent | null, { agent_updated: Agent }>("agent:12", {
 *   initial: null,
 *   reduce: (_, event) => event.data,
 * });
 * ```
 *
 * Many changes are told once a frame. The newest functions of the options are used; `initial`, `keeper` and `timers`
 * are those of the first time.
 */
export function useTopic<Data, Events = Record<string, unknown>, State = Data>(
  topic: string,
  options: TopicOptions<Data, Events, State>,
): TopicView<Data> {
  const client = useClient();
  const newest = useRef(options);
  useInsertionEffect(() => {
    newest.current = options;
  });
  const state = useMemo(() => new TopicState<Data, Events, State>(client, topic, following(newest)), [client, topic]);
  return useSyncExternalStore(state.subscribe, state.getSnapshot, state.getSnapshot);
}

/** Options whose functions are always the newest. */
function following<Data, Events, State>(newest: {
  readonly current: TopicOptions<Data, Events, State>;
}): TopicOptions<Data, Events, State> {
  return {
    ...newest.current,
    reduce(data, event) {
      const { reduce } = newest.current;
      return reduce ? reduce(data, event) : data;
    },
    fromSnapshot(state) {
      const { fromSnapshot } = newest.current;
      return fromSnapshot ? fromSnapshot(state) : (state as unknown as Data);
    },
    onReset(data, reset) {
      const { onReset } = newest.current;
      return onReset ? onReset(data, reset) : data;
    },
  };
}
