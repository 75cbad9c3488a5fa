import { Button, Group, Text } from "@mantine/core";
import { useMemo, useState } from "react";
import { bytesOf } from "../state/message-size";
import classes from "./long-text.module.css";

/** Characters from which a message is plain text, and folded: more would take the browser too long to lay out. */
export const LONG = 100_000;

const PREVIEW = 2_000;
const PART = 16_000;

/** Parts of a text that can be laid out one by one, cut at the end of a line where there is one. */
export function partsOf(text: string, most = PART): string[] {
  const parts: string[] = [];
  for (let at = 0; at < text.length; ) {
    let end = Math.min(at + most, text.length);
    const newline = text.lastIndexOf("\n", end - 1);
    if (end < text.length) {
      end = newline > at ? newline + 1 : wholeEnd(text, end);
    }
    parts.push(text.slice(at, end));
    at = end;
  }
  return parts;
}

/** An end that does not part the halves of a character. */
function wholeEnd(text: string, end: number): number {
  const code = text.charCodeAt(end - 1);
  return code >= 0xd800 && code <= 0xdbff ? end + 1 : end;
}

function sizeOf(text: string): string {
  const bytes = bytesOf(text);
  return bytes < 1_000_000 ? `${Math.round(bytes / 1_000)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}

/** A text too long for anything but plain text. */
export function LongText({ text }: { readonly text: string }) {
  const [isOpen, setIsOpen] = useState(false);
  const parts = useMemo(() => (isOpen ? partsOf(text) : partsOf(text.slice(0, PREVIEW), PREVIEW)), [isOpen, text]);
  return (
    <div>
      {parts.map((part, place) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: parts of a text that does not change
        <div key={place} className={classes["part"]}>
          {part}
        </div>
      ))}
      <Group gap="xs" mt={8}>
        <Text size="sm" c="dimmed">
          {isOpen
            ? "This message is so long that it is shown as plain text."
            : `This message has ${sizeOf(text)}: its beginning is shown, as plain text.`}
        </Text>
        <Button size="compact-sm" variant="default" aria-expanded={isOpen} onClick={() => setIsOpen(!isOpen)}>
          {isOpen ? "Fold" : "Show all"}
        </Button>
      </Group>
    </div>
  );
}
