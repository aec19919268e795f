/** Which parts of two sequences are the same. */

/** Longer sequences are compared place by place. */
const MOST = 1200;

export interface Difference {
  /** Indices of the first sequence that the second one lacks. */
  readonly gone: ReadonlySet<number>;
  /** Indices of the second sequence that the first one lacks. */
  readonly come: ReadonlySet<number>;
}

/** Compares by the longest common subsequence. */
export function sequenceDifference(before: readonly number[], after: readonly number[]): Difference {
  const gone = new Set(before.keys());
  const come = new Set(after.keys());
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start++;
  for (let i = 0; i < start; i++) {
    gone.delete(i);
    come.delete(i);
  }
  const [n, m] = [before.length - start, after.length - start];
  if (n > MOST || m > MOST) {
    for (let i = start; i < Math.min(before.length, after.length); i++) {
      if (before[i] === after[i]) {
        gone.delete(i);
        come.delete(i);
      }
    }
    return { gone, come };
  }
  // lengths[i][j]: common subsequence of what follows i and j.
  const width = m + 1;
  const lengths = new Int32Array((n + 1) * width);
  for (let i = n - 1; i >= 0; i--) {
    for (let j = m - 1; j >= 0; j--) {
      const same = before[start + i] === after[start + j];
      lengths[i * width + j] = same
        ? (lengths[(i + 1) * width + j + 1] ?? 0) + 1
        : Math.max(lengths[(i + 1) * width + j] ?? 0, lengths[i * width + j + 1] ?? 0);
    }
  }
  for (let i = 0, j = 0; i < n && j < m; ) {
    if (before[start + i] === after[start + j]) {
      gone.delete(start + i++);
      come.delete(start + j++);
    } else if ((lengths[(i + 1) * width + j] ?? 0) >= (lengths[i * width + j + 1] ?? 0)) i++;
    else j++;
  }
  return { gone, come };
}
