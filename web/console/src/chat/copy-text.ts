/** Put a text into the clipboard; resolves with whether the browser allowed it. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

/** The way of pages without HTTPS, which have no clipboard of their own. */
function copyBySelection(text: string): boolean {
  const focused = document.activeElement;
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "visually-hidden";
  document.body.append(area);
  area.select();
  const isDone = document.execCommand?.("copy") ?? false;
  area.remove();
  if (focused instanceof HTMLElement) {
    focused.focus();
  }
  return isDone;
}
