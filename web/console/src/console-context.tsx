import { createContext, type ReactNode, useContext } from "react";
import type { App } from "./state/app-state";

const AppContext = createContext<App | undefined>(undefined);

/** Gives the page's one `App` to the components below. */
export function ConsoleProvider({ app, children }: { readonly app: App; readonly children: ReactNode }) {
  return <AppContext.Provider value={app}>{children}</AppContext.Provider>;
}

/** The page's one `App`. */
export function useConsole(): App {
  const app = useContext(AppContext);
  if (!app) {
    throw new Error("Put a ConsoleProvider above");
  }
  return app;
}
