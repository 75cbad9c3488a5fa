import { useCallback, useMemo, useSyncExternalStore } from "react";
import type { Params } from "../calls.js";
import type { CallResult, Line } from "../line.js";
import type { OfflineCalls } from "../offline/offline-calls.js";
import type { CallState, PendingCall } from "../offline/pending-call.js";
import { useWiring } from "./context.js";

export interface UseCallOptions {
  /** Keep the call until it is answered, also without a line; the provider needs `calls`. */
  readonly isKept?: boolean;
}

/** Where the newest call of a component is. */
export interface CallView<Result> {
  readonly state: "idle" | CallState;
  readonly result?: Result | undefined;
  readonly error?: unknown;
}

/** What `useCall` returns. */
export interface UsedCall<Result> extends CallView<Result> {
  /** Call the method; resolves with the answer, rejects as `Line.call` does. */
  readonly call: (params?: Params, key?: string) => Promise<CallResult<Result>>;
}

/** Follows the newest of several calls; what ended late of an older one is not shown. */
class CallTracker<Result> {
  readonly #listeners = new Set<() => void>();
  #view: CallView<Result> = { state: "idle" };
  #newest = 0;

  readonly getSnapshot = (): CallView<Result> => this.#view;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  async follow(answer: Promise<CallResult<Result>>, watch?: (show: () => void) => () => void, pending?: PendingCall) {
    this.#newest += 1;
    const own = this.#newest;
    const show = (view: CallView<Result>) => own === this.#newest && this.#show(view);
    show({ state: pending?.state ?? "sent" });
    const stop = watch?.(() => pending && pending.state !== this.#view.state && show({ state: pending.state }));
    try {
      const { result } = await answer;
      stop?.();
      show({ state: "confirmed", result });
    } catch (error) {
      stop?.();
      show({ state: "failed", error });
    }
  }

  #show(view: CallView<Result>): void {
    this.#view = view;
    for (const listener of this.#listeners) {
      listener();
    }
  }
}

/**
 * Call a method from a component, and show where the newest call is.
 *
 * ```tsx
 * const { call, state, error } = useCall<{ id: number }>("thread.send", { isKept: true });
 * ```
 */
export function useCall<Result = unknown>(method: string, { isKept = false }: UseCallOptions = {}): UsedCall<Result> {
  const { client, calls } = useWiring();
  const tracker = useMemo(() => new CallTracker<Result>(), []);
  const view = useSyncExternalStore(tracker.subscribe, tracker.getSnapshot, tracker.getSnapshot);
  const call = useCallback(
    (params: Params = {}, key?: string) =>
      isKept ? keep(tracker, calls, method, params, key) : send(tracker, client.line, method, params, key),
    [tracker, client, calls, method, isKept],
  );
  return { ...view, call };
}

function send<Result>(tracker: CallTracker<Result>, line: Line, method: string, params: Params, key?: string) {
  const answer = line.call<Result>(method, params, { key });
  tracker.follow(answer);
  return answer;
}

function keep<Result>(
  tracker: CallTracker<Result>,
  calls: OfflineCalls | undefined,
  method: string,
  params: Params,
  key?: string,
) {
  if (!calls) {
    throw new Error("Give the TrunklineProvider `calls`, so that calls can be kept");
  }
  const pending = calls.enqueue<Result>(method, params, { key });
  tracker.follow(pending.result, (show) => calls.subscribe(show), pending as PendingCall);
  return pending.result;
}

const NONE: readonly PendingCall[] = [];

/** The kept calls that are not answered, in order, those of an earlier page among them. */
export function usePendingCalls(): readonly PendingCall[] {
  const { calls } = useWiring();
  const subscribe = useCallback((changed: () => void) => calls?.subscribe(changed) ?? (() => {}), [calls]);
  return useSyncExternalStore(
    subscribe,
    () => calls?.pendingCalls ?? NONE,
    () => NONE,
  );
}
