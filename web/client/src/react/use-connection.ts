import { useCallback, useSyncExternalStore } from "react";
import type { StateChanged } from "../effects.js";
import { useClient } from "./context.js";

const IDLE: StateChanged = { kind: "state", state: "idle", reason: "" };

/** The line's state, what led to it, and when the next try is. */
export function useConnection(): StateChanged {
  const { line } = useClient();
  const subscribe = useCallback(
    (changed: () => void) => line.addListener(({ kind }) => kind === "state" && changed()),
    [line],
  );
  return useSyncExternalStore(
    subscribe,
    () => line.lastChange,
    () => IDLE,
  );
}
