/** The layer predictions: their traits and what the kernel answers. */
import { lensState, operations, topOf } from "./lens.js";

export function stateOf(tokens, { computed = true, ...traits }) {
  const state = lensState(tokens, { topk: 10, layers: null, ...traits });
  return { ...state, _top: computed && state.position !== null ? topOf(state) : {} };
}

export const answers = {
  key: (state) => topOf(state).spec,
  at: (state, positions) => positions.map((position) => ({ top: topOf({ ...state, position }) })),
  data: (state) => (state.position === null ? {} : { top: topOf(state) }),
  operations,
};
