/** Where the lens reads, in words. */
import type { TokenSequence } from "../../ui/strip/tokens";

/** `before " Denmark"`; `at " Denmark"` if it was masked; `after " are"` for the token that would come next. */
export function place(tokens: TokenSequence, position: number): string {
  if (position === tokens.next) return position > 0 ? `after ${tokens.name(position - 1)}` : "at the start";
  return `${tokens.leftToRight ? "before" : "at"} ${tokens.name(position)}`;
}
