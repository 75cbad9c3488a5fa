/** What is used of `navigator.locks`. */
export interface Locks {
  /** Hold a lock for the time of `hold`; rejects if it is aborted before, or stolen. */
  request(
    name: string,
    options: { readonly signal?: AbortSignal; readonly steal?: boolean },
    hold: () => Promise<unknown> | unknown,
  ): Promise<unknown>;
}

/** Hold a lock until the returned function is called; `held` is called back once it is held. */
export function holdLock(locks: Locks, name: string, held: () => void): () => void {
  const ended = new AbortController();
  let release = () => {};
  const hold = () => {
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    held();
    return released;
  };
  locks.request(name, { signal: ended.signal }, () => ended.signal.aborted || hold()).catch(() => {});
  return () => {
    ended.abort();
    release();
  };
}
