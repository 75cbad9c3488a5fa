import { useDeferredValue, useMemo } from "react";
import remend from "remend";
import { Markdown } from "./markdown";
import { splitBlocks } from "./markdown-blocks";

interface MarkdownTextProps {
  readonly text: string;
  /** Whether more of it is on its way. */
  readonly isGrowing: boolean;
}

/** Definitions of links and footnotes, which reach over blocks. */
const DEFINITION = /^ {0,3}\[[^\]\n]+\]:/m;

/**
 * A text in Markdown, block by block: while it grows only the last one is read anew, and what is open in it is closed
 * for now. Its end changes no block before the last, so that nothing jumps and no selection is lost.
 */
export function MarkdownText({ text, isGrowing }: MarkdownTextProps) {
  const deferred = useDeferredValue(text);
  const shown = isGrowing ? deferred : text;
  const blocks = useMemo(
    () => (!isGrowing && DEFINITION.test(shown) ? [shown] : splitBlocks(shown)),
    [shown, isGrowing],
  );
  return blocks.map((block, place) => {
    const isOpen = isGrowing && place === blocks.length - 1;
    // biome-ignore lint/suspicious/noArrayIndexKey: blocks are only ever added at the end
    return <Markdown key={place} text={isOpen ? remend(block, { linkMode: "text-only" }) : block} />;
  });
}
