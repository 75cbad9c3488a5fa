import { useEffect, useMemo } from "react";
import { useConsole } from "../console-context";
import type { App } from "../state/app-state";

interface Manager {
  initialize(): void;
  cleanup(): void;
}

/** The manager of a view: made by `make`, listening while the view is mounted. `make` must be stable. */
export function useManager<M extends Manager>(make: (app: App) => M): M {
  const app = useConsole();
  const manager = useMemo(() => make(app), [app, make]);
  useEffect(() => {
    manager.initialize();
    return () => manager.cleanup();
  }, [manager]);
  return manager;
}
