/** A key and what it does; `?` lists them. */
export interface Shortcut {
  readonly keys: readonly string[];
  readonly does: string;
}

const MOD = /Mac|iPhone|iPad/.test(globalThis.navigator?.userAgent ?? "") ? "⌘" : "Ctrl";

export const SHORTCUTS: readonly { readonly where: string; readonly shortcuts: readonly Shortcut[] }[] = [
  {
    where: "Everywhere",
    shortcuts: [
      { keys: [MOD, "K"], does: "Find agents and threads" },
      { keys: ["1"], does: "Dashboard" },
      { keys: ["2"], does: "Chat" },
      { keys: ["3"], does: "Operations" },
      { keys: ["N"], does: "New agent, or new thread in the chat" },
      { keys: ["/"], does: "Go to the filter, or to the text field of the chat" },
      { keys: ["?"], does: "This list" },
    ],
  },
  {
    where: "In the chat",
    shortcuts: [
      { keys: ["Enter"], does: "Send" },
      { keys: ["Shift", "Enter"], does: "New line" },
      { keys: ["Esc"], does: "Stop the answer" },
      { keys: ["↑"], does: "Edit the last message, in an empty text field" },
    ],
  },
];
