import { CallCut, LineClosed, RequestError } from "./errors.js";
import type { ErrorCode } from "./generated/codes.js";
import type { CallResult } from "./line.js";

/** How a call ended. */
export type CallOutcome =
  | { readonly kind: "answer"; readonly answer: CallResult }
  | { readonly kind: "cut" }
  | { readonly kind: "closed"; readonly code: number | undefined; readonly reason: string }
  | {
      readonly kind: "refused";
      readonly sentence: string;
      readonly code: string;
      readonly details: unknown;
      readonly isRefusal: boolean;
    };

/** Errors lose their class on the way to another tab: this is what is sent in their place. */
export function failedOutcome(error: unknown): CallOutcome {
  if (error instanceof RequestError) {
    const { message: sentence, code, details, isRefusal } = error;
    return { kind: "refused", sentence, code, details, isRefusal };
  }
  if (error instanceof LineClosed) {
    return { kind: "closed", code: error.code, reason: error.reason };
  }
  return error instanceof CallCut
    ? { kind: "cut" }
    : { kind: "refused", sentence: String(error), code: "internal", details: undefined, isRefusal: true };
}

/** The answer that an outcome holds; throws what the call failed with. */
export function takeOutcome(outcome: CallOutcome, method: string): CallResult {
  switch (outcome.kind) {
    case "answer":
      return outcome.answer;
    case "cut":
      throw new CallCut(method);
    case "closed":
      throw new LineClosed(outcome.code, outcome.reason);
    case "refused":
      throw new RequestError(outcome.sentence, outcome.code as ErrorCode, outcome.details, outcome.isRefusal);
  }
}
