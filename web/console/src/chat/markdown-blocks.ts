const FENCE = /^ {0,3}(`{3,}|~{3,})/;

/** Lines that may continue what stands before the blank line above them: items, indented text, definitions. */
const CONTINUES = /^(\s|[-*+](\s|$)|\d{1,9}[.)](\s|$)|\[|<|\|)/;

/**
 * Cut a text in Markdown into blocks that can be shown each by itself, so that a text that grows is read anew in its last
 * block alone. Their join is the text. Cuts are after blank lines, where nothing before can reach over.
 */
export function splitBlocks(text: string): string[] {
  const blocks: string[] = [];
  let fence: string | undefined;
  let begin = 0;
  let isAfterBlank = false;
  for (let at = 0; at < text.length; ) {
    const newline = text.indexOf("\n", at);
    const end = newline < 0 ? text.length : newline + 1;
    const line = text.slice(at, end);
    // An unfinished line may still become one that continues.
    if (isAfterBlank && fence === undefined && at > begin && newline >= 0 && !CONTINUES.test(line)) {
      blocks.push(text.slice(begin, at));
      begin = at;
    }
    fence = fenceAfter(fence, line);
    isAfterBlank = line.trim() === "";
    at = end;
  }
  if (begin < text.length) {
    blocks.push(text.slice(begin));
  }
  return blocks;
}

/** The fence of the code that a line leaves open. */
function fenceAfter(open: string | undefined, line: string): string | undefined {
  const mark = FENCE.exec(line)?.[1];
  if (open === undefined) {
    // Backticks after backticks are code within a line.
    return mark?.startsWith("`") && line.trimStart().slice(mark.length).includes("`") ? undefined : mark;
  }
  const isEnd = mark?.[0] === open[0] && mark !== undefined && mark.length >= open.length && line.trim() === mark;
  return isEnd ? undefined : open;
}
