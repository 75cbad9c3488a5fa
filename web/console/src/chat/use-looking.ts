import { useEffect } from "react";
import type { ChatViewWsManager } from "../managers/chat-view-ws-manager";
import { useIsPageVisible } from "./use-visibility";

/** Mark the newest message as looked at while the end of the thread is in sight. */
export function useLooking(manager: ChatViewWsManager, newest: number | undefined, isAtEnd: boolean): void {
  const isVisible = useIsPageVisible();
  useEffect(() => {
    if (isVisible && isAtEnd && newest !== undefined) {
      manager.look(newest);
    }
  }, [manager, newest, isAtEnd, isVisible]);
}
