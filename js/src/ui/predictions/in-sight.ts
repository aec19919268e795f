/** Which cells of a large table can be seen: those are written at once. */

export interface Span {
  /** First index in sight. */
  readonly from: number;
  /** One past the last. */
  readonly to: number;
}

/**
 * The items of a row of equally spaced ones that touch a window.
 *
 * @param first Where the first item begins.
 * @param pitch From the beginning of one to that of the next.
 */
export function spanInSight(first: number, pitch: number, count: number, start: number, end: number): Span {
  if (!(pitch > 0)) return { from: 0, to: count };
  const from = Math.max(0, Math.min(count, Math.floor((start - first) / pitch)));
  const to = Math.max(from, Math.min(count, Math.ceil((end - first) / pitch)));
  return { from, to };
}

/** Spans of rows and columns in sight, given the corner cells of the table and the box that scrolls it sideways. */
export function cellsInSight(
  first: Element,
  last: Element,
  box: Element,
  [rows, columns]: readonly [number, number],
): { readonly rows: Span; readonly columns: Span } {
  const a = first.getBoundingClientRect();
  const b = last.getBoundingClientRect();
  const { left, right } = box.getBoundingClientRect();
  return {
    rows: spanInSight(a.top, (b.top - a.top) / Math.max(1, rows - 1), rows, 0, window.innerHeight),
    columns: spanInSight(a.left, (b.left - a.left) / Math.max(1, columns - 1), columns, left, right),
  };
}
