import { Button, Loader, Stack, Text } from "@mantine/core";
import { ArrowDown } from "lucide-react";
import { type ReactNode, type RefObject, useEffect, useLayoutEffect, useRef, useState } from "react";
import { useStickToBottom } from "use-stick-to-bottom";
import type { Message } from "../generated/agents";
import { KeepPlace } from "./keep-place";
import classes from "./message-list.module.css";
import { useMessageWindow } from "./message-window";

interface MessageListProps {
  readonly messages: readonly Message[];
  /** What shows one message. */
  readonly render: (message: Message) => ReactNode;
  /** What follows the messages. */
  readonly children: ReactNode;
  /** Told whether the end of the list is in sight. */
  readonly atEnd: (isAtEnd: boolean) => void;
  /** Older messages that are not here yet. */
  readonly older: OlderMessages;
  /** Goes to the end when this changes. */
  readonly goToEnd: number;
}

export interface OlderMessages {
  readonly hasMore: boolean;
  readonly isLoading: boolean;
  /** Why the last try to get them failed. */
  readonly trouble: string | undefined;
  readonly load: () => void;
}

/** The messages of a thread: it stays at the end while one is there, and where one reads otherwise. */
export function MessageList({ messages, render, children, atEnd, older, goToEnd }: MessageListProps) {
  const { scrollRef, contentRef, isAtBottom, scrollToBottom } = useStickToBottom({
    initial: "instant",
    resize: "instant",
  });
  const { shown, hasMore, showMore, showAll } = useMessageWindow(messages);
  const top = useRef<HTMLDivElement>(null);
  const canGoUp = hasMore || older.hasMore;
  const more = () => {
    if (hasMore) {
      showMore();
    } else {
      showAll();
      older.load();
    }
  };
  useReaching(top, scrollRef, canGoUp && !older.isLoading && !older.trouble ? shown[0]?.id : undefined, more);
  useLayoutEffect(() => {
    const { current } = scrollRef;
    if (current) {
      current.scrollTop = current.scrollHeight; // Before anything is painted, or seen to be at the top.
    }
  }, [scrollRef]);
  useEffect(() => atEnd(isAtBottom), [atEnd, isAtBottom]);
  useEffect(() => {
    if (goToEnd) {
      scrollToBottom("instant");
    }
  }, [goToEnd, scrollToBottom]);
  const fresh = useFresh(messages, isAtBottom);
  return (
    <div className={classes["frame"]}>
      <div
        ref={scrollRef}
        className={classes["scroller"]}
        role="log"
        aria-live="off"
        aria-label="Messages"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
        tabIndex={0}
      >
        <div ref={contentRef} className={classes["content"]}>
          {canGoUp && (
            <Stack ref={top} mih={40} align="center" gap={4}>
              {older.trouble && (
                <Text size="sm" c="red" role="alert">
                  {older.trouble}
                </Text>
              )}
              {older.isLoading ? (
                <Loader size="xs" aria-label="Loading older messages" />
              ) : (
                <Button size="compact-sm" variant="subtle" color="gray" onClick={more}>
                  Older messages
                </Button>
              )}
            </Stack>
          )}
          <KeepPlace scroller={scrollRef} first={shown[0]?.id}>
            {shown.map(render)}
          </KeepPlace>
          {children}
        </div>
      </div>
      {!isAtBottom && (
        <Button
          className={classes["jump"] ?? ""}
          size="compact-md"
          radius="xl"
          variant="default"
          leftSection={<ArrowDown size={16} />}
          onClick={() => scrollToBottom()}
        >
          {fresh ? `${fresh} new ${fresh === 1 ? "message" : "messages"}` : "Jump to the latest"}
        </Button>
      )}
    </div>
  );
}

/** How many messages came since one left the end of the list. */
function useFresh(messages: readonly Message[], isAtBottom: boolean): number {
  const newest = messages.at(-1)?.id ?? 0;
  const [seen, setSeen] = useState(newest);
  if (isAtBottom && seen !== newest) {
    setSeen(newest);
  }
  return isAtBottom ? 0 : messages.filter(({ id }) => id > seen).length;
}

/** Ask for what stands before the message `wanted` when the top of the list is nearly in sight. */
function useReaching(
  target: RefObject<HTMLElement | null>,
  scroller: RefObject<HTMLElement | null>,
  wanted: number | undefined,
  reached: () => void,
): void {
  const newest = useRef(reached);
  useLayoutEffect(() => {
    newest.current = reached;
  });
  useEffect(() => {
    if (wanted === undefined || !target.current) {
      return;
    }
    const hear = (entries: readonly IntersectionObserverEntry[]) => {
      if (entries.some(({ isIntersecting }) => isIntersecting)) {
        newest.current();
      }
    };
    const observer = new IntersectionObserver(hear, { root: scroller.current, rootMargin: "400px 0px 0px" });
    observer.observe(target.current);
    return () => observer.disconnect();
  }, [target, scroller, wanted]);
}
