/** Where the lines of ranks run, and where their labels stand so that none covers another. */

/** Height (0 is the top) of a rank on a log axis that has 1 at the top. */
export function rankY(rank: number, worst: number, height: number): number {
  const cut = Math.min(Math.max(1, rank), worst);
  return (height * Math.log(cut)) / Math.log(worst);
}

/** Horizontal place of each of `count` layers in a width; a single one stands in the middle. */
export function layerX(layer: number, count: number, width: number): number {
  return count > 1 ? (width * layer) / (count - 1) : width / 2;
}

/** The layer whose place is nearest. */
export function layerAt(x: number, count: number, width: number): number {
  if (count < 2) return 0;
  return Math.max(0, Math.min(count - 1, Math.round((x * (count - 1)) / width)));
}

/**
 * Moves labels apart until they are at least `gap` from one another, each as near to its wanted height as the others allow.
 *
 * Neighbours that touch form a block, which stands where its labels would be on average; blocks that touch are joined.
 */
export function spreadLabels(wanted: readonly number[], gap: number, top: number, bottom: number): number[] {
  const order = wanted.map((_, i) => i).sort((a, b) => (wanted[a] ?? 0) - (wanted[b] ?? 0) || a - b);
  interface Block {
    members: number[];
    start: number;
  }
  const place = (members: number[]): number => {
    const sum = members.reduce((total, member, at) => total + (wanted[member] ?? 0) - at * gap, 0);
    const size = (members.length - 1) * gap;
    return Math.max(top, Math.min(bottom - size, sum / members.length));
  };
  const blocks: Block[] = [];
  for (const index of order) {
    let block: Block = { members: [index], start: place([index]) };
    for (;;) {
      const before = blocks.at(-1);
      if (!before || before.start + before.members.length * gap <= block.start + 1e-9) break;
      blocks.pop();
      const members = [...before.members, ...block.members];
      block = { members, start: place(members) };
    }
    blocks.push(block);
  }
  const heights = new Array<number>(wanted.length).fill(0);
  for (const { members, start } of blocks) {
    members.forEach((member, at) => {
      heights[member] = start + at * gap;
    });
  }
  return heights;
}

/** Every how many layers a tick can have its name. */
export function tickStep(count: number, width: number, room: number): number {
  for (const step of [1, 2, 4, 5, 10, 20, 50]) if ((width / Math.max(1, count - 1)) * step >= room) return step;
  return Math.max(1, count - 1);
}

/** Points of a line; interrupted where a rank is not known. */
export function linePath(points: ReadonlyArray<readonly [number, number]>): string {
  let path = "";
  let drawing = false;
  for (const [x, y] of points) {
    if (Number.isNaN(y)) {
      drawing = false;
      continue;
    }
    path += `${drawing ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
    drawing = true;
  }
  return path;
}
