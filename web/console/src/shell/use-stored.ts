import { useCallback, useState } from "react";
import { useConsole } from "../console-context";

/** A value that this browser remembers under a name. */
export function useStored<Value>(name: string, otherwise: Value): readonly [Value, (value: Value) => void] {
  const { storage } = useConsole();
  const [value, setValue] = useState(() => storage.read(name, otherwise));
  const keep = useCallback(
    (next: Value) => {
      storage.write(name, next);
      setValue(next);
    },
    [storage, name],
  );
  return [value, keep];
}
