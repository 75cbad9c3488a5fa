import { lazy, Suspense, useEffect } from "react";
import { Redirect, Route, Switch, useLocation } from "wouter";
import { DashboardPage } from "./dashboard/dashboard-page";
import { LoadBoundary } from "./shell/load-boundary";
import { NotFoundPage } from "./shell/not-found-page";
import { PageLoader } from "./shell/page-loader";
import { Shell } from "./shell/shell";

const loadChat = () => import("./chat/chat-page");
const loadOperations = () => import("./operations/operations-page");
const ChatPage = lazy(loadChat);
const OperationsPage = lazy(loadOperations);

/** The page of every address, inside the frame that stays. */
export function Pages() {
  const [place] = useLocation();
  useEffect(loadLater, []);
  return (
    <Shell>
      <LoadBoundary place={place}>
        <Suspense fallback={<PageLoader />}>
          <Switch>
            <Route path="/">
              <DashboardPage />
            </Route>
            <Route path="/agents">
              <Redirect to="/" replace />
            </Route>
            <Route path="/agents/:agent">
              {({ agent }) => <ChatPage key={agent} agentId={Number(agent)} threadId={undefined} />}
            </Route>
            <Route path="/threads/:thread">
              {({ thread }) => <ChatPage agentId={undefined} threadId={Number(thread)} />}
            </Route>
            <Route path="/chat">
              <ChatPage agentId={undefined} threadId={undefined} />
            </Route>
            <Route path="/operations">
              <OperationsPage />
            </Route>
            <Route>
              <NotFoundPage />
            </Route>
          </Switch>
        </Suspense>
      </LoadBoundary>
    </Shell>
  );
}

/** Load what is not shown yet while there is a server: later there may be none. */
function loadLater(): () => void {
  const timer = setTimeout(() => {
    for (const load of [loadChat, loadOperations]) {
      load().catch(() => {}); // It is told where somebody goes there.
    }
  }, 1000);
  return () => clearTimeout(timer);
}
