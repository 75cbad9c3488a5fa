import "@mantine/core/styles.css";
import "@mantine/notifications/styles.css";
import "@mantine/spotlight/styles.css";
import "./global.css";
import { MantineProvider } from "@mantine/core";
import { Notifications } from "@mantine/notifications";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { setNonce } from "get-nonce";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { whoAmI } from "./api/session";
import { ConsoleProvider } from "./console-context";
import { openLine } from "./line";
import { Pages } from "./pages";
import { App } from "./state/app-state";
import { BrowserStorage } from "./state/browser-storage";
import { ServerClock } from "./state/server-clock";
import { cssVariables, theme } from "./theme";

const nonce = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? "";
setNonce(nonce); // For the style that locks scrolling behind a dialog.
const queries = new QueryClient({ defaultOptions: { queries: { retry: 2, refetchOnWindowFocus: false } } });

async function start(): Promise<void> {
  const storage = new BrowserStorage();
  const clock = new ServerClock();
  const { client, calls, store } = openLine(await whoAmI(storage, clock));
  const app = new App({ client, calls, keeper: store, storage, clock });
  createRoot(document.getElementById("root") as HTMLElement).render(
    <StrictMode>
      <MantineProvider
        theme={theme}
        cssVariablesResolver={cssVariables}
        defaultColorScheme="auto"
        getStyleNonce={() => nonce}
      >
        <Notifications position="bottom-left" limit={3} />
        <QueryClientProvider client={queries}>
          <ConsoleProvider app={app}>
            <Pages />
          </ConsoleProvider>
        </QueryClientProvider>
      </MantineProvider>
    </StrictMode>,
  );
}

start();
