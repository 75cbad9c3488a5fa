import { useDeferredValue, useMemo } from "react";
import remend from "remend";
import { Markdown } from "./markdown";
import { splitBlocks } from "./markdown-blocks";

/** A text that grows: each finished block is read once, and what is open in the last one is closed for now. */
export function StreamingText({ text }: { readonly text: string }) {
  const shown = useDeferredValue(text);
  const blocks = useMemo(() => splitBlocks(shown), [shown]);
  return blocks.map((block, place) => {
    const isLast = place === blocks.length - 1;
    // biome-ignore lint/suspicious/noArrayIndexKey: blocks are only ever added at the end
    return <Markdown key={place} text={isLast ? remend(block, { linkMode: "text-only" }) : block} />;
  });
}
