import { type RefObject, useEffect } from "react";

/** What an address is gone to with where one goes on to write. */
export const TO_WRITE = { state: { isWriting: true } };

function isAsked(): boolean {
  return (history.state as { readonly isWriting?: boolean } | null)?.isWriting === true;
}

/** Focus a field when one came here to write; a keyboard on the glass would hide half of what one came to read. */
export function useFocusWhenAsked(field: RefObject<HTMLElement | null>, isNew = false): void {
  useEffect(() => {
    if ((isNew && matchMedia("(pointer: fine)").matches) || isAsked()) {
      field.current?.focus();
    }
  }, [field, isNew]);
}
