/** Whether requests can be sent, and the ids they get: one for all parts of a session. */
export interface Requests {
  /** The socket is open and, where a token is to be sent first, it was taken. */
  areReady: boolean;
  /** Counts the `message_id`s that were used. */
  ids: number;
}

/** A `message_id` that no other request of the line has. */
export function newId(requests: Requests): string {
  return String(++requests.ids);
}
