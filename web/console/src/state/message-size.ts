/** The most bytes of a message, in UTF-8. */
export const MOST_BYTES = 1024 * 1024;

/** Bytes of a call over the line, of the 64 KiB that it takes, left for everything around the text. */
const LINE_BYTES = 63 * 1024;

const encoder = new TextEncoder();

/** Bytes of a text in UTF-8. */
export function bytesOf(text: string): number {
  return encoder.encode(text).length;
}

/** Whether a text, written as JSON, does not fit into one message of the line. */
export function isTooLargeForLine(text: string): boolean {
  return text.length > LINE_BYTES || bytesOf(JSON.stringify(text)) > LINE_BYTES;
}

/** Why a text cannot be a message, or undefined. */
export function sizeTrouble(text: string): string | undefined {
  const bytes = text.length * 3 <= MOST_BYTES ? 0 : bytesOf(text);
  return bytes > MOST_BYTES
    ? `A message may have 1 MB; this one has ${(bytes / MOST_BYTES).toFixed(2)} MB. Shorten it or send it in parts.`
    : undefined;
}
