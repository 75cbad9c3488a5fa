import { useInfiniteQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { sentenceOf } from "../api/failure";
import { rest } from "../api/rest";
import type { Message } from "../generated/agents";
import type { Conversation } from "../state/conversation";
import type { OlderMessages } from "./message-list";

interface WholeThread extends OlderMessages {
  /** All messages that are here, oldest first. */
  readonly messages: readonly Message[];
}

const NONE: readonly Message[] = [];

/** The messages of a thread, before them those that its snapshot left out and that were asked for. */
export function useOlderMessages(threadId: number, { messages, isTruncated }: Conversation): WholeThread {
  const first = messages[0]?.id;
  const query = useInfiniteQuery({
    // Another snapshot begins elsewhere, and what stood before the old one may leave a hole.
    queryKey: ["older messages", threadId, first],
    enabled: false, // They are asked for by whoever scrolls there.
    initialPageParam: first ?? 1,
    queryFn: ({ pageParam }) => rest.messagesBefore(threadId, pageParam),
    getNextPageParam: ({ next }) => next ?? undefined,
    gcTime: 0,
    staleTime: Number.POSITIVE_INFINITY,
  });
  const pages = query.data?.pages;
  const all = useMemo(() => joinMessages(pages?.flatMap(({ items }) => items) ?? NONE, messages), [pages, messages]);
  return {
    messages: all,
    hasMore: isTruncated && (pages === undefined || query.hasNextPage),
    isLoading: query.isFetching,
    trouble: query.error ? sentenceOf(query.error) : undefined,
    load: () => {
      query.fetchNextPage();
    },
  };
}

/**
 * Older messages and those that are kept up to date, in order; of the older ones only those that are older still, because
 * a thread may be cut there.
 */
export function joinMessages(older: readonly Message[], held: readonly Message[]): readonly Message[] {
  const [first] = held;
  if (!older.length || !first) {
    return held;
  }
  const before = older.filter(({ id }) => id < first.id).sort((a, b) => a.id - b.id);
  return before.length ? [...before, ...held] : held;
}
