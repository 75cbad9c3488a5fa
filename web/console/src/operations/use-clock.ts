import { useEffect, useMemo, useState } from "react";
import { useNow } from "../shell/use-surroundings";

/** Milliseconds after which what came last is not current any more. */
const LATE = 3_000;

export interface ServerTime {
  /** The time on the server's clock, in milliseconds; that of the newest figures while they are current. */
  readonly now: number;
  readonly isCurrent: boolean;
}

/** The server's time, told by its newest figures, which are of `newest`; goes on by itself when no more come. */
export function useClock(newest: number): ServerTime {
  const [lateSince, setLateSince] = useState<number>();
  // How far the two clocks are apart: measured when figures come, and good enough to go on from.
  const offset = useMemo(() => (Number.isFinite(newest) ? newest - Date.now() : 0), [newest]);
  useEffect(() => {
    const timer = setTimeout(() => setLateSince(newest), LATE);
    return () => clearTimeout(timer);
  }, [newest]);
  const isCurrent = lateSince !== newest;
  const browserNow = useNow(!isCurrent);
  return { now: isCurrent ? newest : browserNow + offset, isCurrent };
}
