import { lazy, Suspense } from "react";
import { Redirect, Route, Switch } from "wouter";
import { DashboardPage } from "./dashboard/dashboard-page";
import { NotFoundPage } from "./shell/not-found-page";
import { PageLoader } from "./shell/page-loader";
import { Shell } from "./shell/shell";

const ChatPage = lazy(() => import("./chat/chat-page"));
const OperationsPage = lazy(() => import("./operations/operations-page"));

/** The page of every address, inside the frame that stays. */
export function Pages() {
  return (
    <Shell>
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
    </Shell>
  );
}
