/** The ranks of watched tokens: their traits and what the kernel answers. */
import { lensState, operations, ranksOf } from "./lens.js";

export function stateOf(tokens, { computed = true, ...traits }) {
  const state = lensState(tokens, { view_style: "columns", ...traits });
  return { ...state, _ranks: computed && state.position !== null ? ranksOf(state) : {} };
}

export const answers = {
  key: (state) => ranksOf(state).spec,
  data: (state) => (state.position === null ? {} : { ranks: ranksOf(state) }),
  operations,
};
