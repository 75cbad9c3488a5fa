/** Why something asked of the server was not done, in a sentence for people. */
export class Failure extends Error {
  override name = "Failure";

  constructor(
    sentence: string,
    /** The HTTP status; 0 if the server did not answer. */
    readonly status: number,
    /** What happened, for programs. */
    readonly code = "",
    /** A sentence for each field that was refused, by its name in the body. */
    readonly fields: Readonly<Record<string, string>> = {},
  ) {
    super(sentence);
  }

  /** Whether logging in again would help. */
  get isLoggedOut(): boolean {
    return this.status === 401;
  }
}

/** A problem document, RFC 9457, as far as the page reads it. */
export interface ProblemDocument {
  readonly detail?: string;
  readonly code?: string;
  readonly errors?: readonly { readonly place: string; readonly error: string }[];
}

const SENTENCES: Readonly<Record<number, string>> = {
  0: "The server cannot be reached. What you wrote is kept here; try again in a moment.",
  401: "Your session has ended. Log in again; what you wrote is kept.",
  403: "You may not do this here.",
  404: "This does not exist any more; somebody may have deleted it.",
  409: "Somebody changed this in the meantime. Look at the newest state, then try again.",
  413: "This is larger than the server takes.",
  429: "Too much at once. Wait a moment, then try again.",
  500: "The server failed at this. Try again; if it stays, the server's log says why.",
  503: "The server cannot do this now. Try again in a moment.",
};

/** The failure of an answer; the server's own sentence wins where it gave one. */
export function failureOf(status: number, problem: ProblemDocument | undefined): Failure {
  const own = SENTENCES[status] ?? `The server answered with status ${status}.`;
  // What the server says of a missing session is meant for programs.
  const sentence = status === 401 ? own : (problem?.detail ?? own);
  return new Failure(sentence, status, problem?.code, fieldsOf(problem));
}

function fieldsOf(problem: ProblemDocument | undefined): Readonly<Record<string, string>> {
  const errors = problem?.errors ?? [];
  return Object.fromEntries(
    errors
      .filter(({ place }) => place.startsWith("body."))
      .map(({ place, error }) => [place.split(".")[1] ?? "", error]),
  );
}

/** The failure of a request that got no answer. */
export function unreachable(): Failure {
  return new Failure(SENTENCES[0] ?? "", 0, "unreachable");
}

/** A sentence for anything that was thrown. */
export function sentenceOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
