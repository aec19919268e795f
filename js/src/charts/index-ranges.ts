/** Sets of whole numbers, in words: which layers are chosen. */

/** `0–2, 5`; empty for none. @param numbers Ascending. */
export function describeRanges(numbers: readonly number[]): string {
  const parts: string[] = [];
  for (let i = 0; i < numbers.length; ) {
    let end = i;
    while (numbers[end + 1] === (numbers[end] ?? 0) + 1) end++;
    const [first, last] = [numbers[i], numbers[end]];
    parts.push(first === last ? `${first}` : `${first}–${last}`);
    i = end + 1;
  }
  return parts.join(", ");
}

/** The numbers between two, both included, ascending. */
export function rangeBetween(a: number, b: number): number[] {
  const [from, to] = [Math.min(a, b), Math.max(a, b)];
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

/** The set with a number added, or taken away. The last one stays. */
export function toggled(numbers: readonly number[], number: number): number[] {
  if (!numbers.includes(number)) return [...numbers, number].sort((a, b) => a - b);
  return numbers.length > 1 ? numbers.filter((other) => other !== number) : [...numbers];
}
