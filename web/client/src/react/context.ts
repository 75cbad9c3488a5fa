import { createContext, createElement, type ReactNode, useContext } from "react";
import type { ClientLine } from "../client-line.js";
import type { OfflineCalls } from "../offline/offline-calls.js";

interface Wiring {
  readonly client: ClientLine;
  readonly calls: OfflineCalls | undefined;
}

const WiringContext = createContext<Wiring | undefined>(undefined);

export interface TrunklineProviderProps extends Partial<Wiring> {
  /** Made outside of components, by `connect`; it outlives them. */
  readonly client: ClientLine;
  /** Keeps calls while there is no line, for `useCall` and `usePendingCalls`. */
  readonly calls?: OfflineCalls | undefined;
  readonly children?: ReactNode;
}

/** Gives a client line to the hooks below it. */
export function TrunklineProvider({ client, calls, children }: TrunklineProviderProps): ReactNode {
  return createElement(WiringContext.Provider, { value: { client, calls } }, children);
}

/** What the provider above was given. */
export function useWiring(): Wiring {
  const wiring = useContext(WiringContext);
  if (!wiring) {
    throw new Error("Put a TrunklineProvider above the components that use the line");
  }
  return wiring;
}

/** The client line of the provider above. */
export function useClient(): ClientLine {
  return useWiring().client;
}
