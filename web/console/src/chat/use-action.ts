import { notifications } from "@mantine/notifications";
import { useCallback, useState } from "react";
import { sentenceOf } from "../api/failure";

/** Something asked of the server by a button: whether it is under way; what it failed at is told in a toast. */
export function useAction(failed: string): { readonly isDoing: boolean; run(action: () => Promise<unknown>): void } {
  const [isDoing, setIsDoing] = useState(false);
  const run = useCallback(
    async (action: () => Promise<unknown>) => {
      setIsDoing(true);
      try {
        await action();
      } catch (error) {
        notifications.show({ color: "red", title: failed, message: sentenceOf(error) });
      }
      setIsDoing(false);
    },
    [failed],
  );
  return { isDoing, run };
}
