/**
 * How a token's text is written: which part its highlight covers, which white space is marked, what follows outside.
 *
 * The real characters stay in the document (so that copied text is the text); marks are drawn by the style sheet.
 */
import { codePoint } from "../../charts/format";

export type SegmentKind =
  /** Ordinary text. */
  | "text"
  /** A space that matters: drawn as a dot. */
  | "space"
  | "tab"
  /** A mark for a line break, without the break itself. */
  | "newline"
  /** The break itself, inside a token. */
  | "break"
  /** A character that can't be seen, by its code point. */
  | "code";

export interface Segment {
  readonly kind: SegmentKind;
  readonly text: string;
}

export interface TokenLayout {
  /** White space before the highlight. */
  readonly before: readonly Segment[];
  readonly inside: readonly Segment[];
  /** Line break after the highlight, so that it does not reach into the next line. */
  readonly after: string;
}

/** Controls, zero-width and direction-changing characters: invisible, or able to scramble what is around them. */
const INVISIBLE = /[\p{Cc}\u00ad\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufffd]/u;
/** Joiners and variation selectors belong to their neighbours; alone they are invisible. */
const ONLY_JOINERS = /^(?:\u200c|\u200d|[\ufe00-\ufe0f])+$/u;
const SPACE = /[ \u00a0\u2000-\u200a\u202f\u3000]/;
const PIECES = new RegExp(
  `(\\r\\n|\\n|\\r)|(\\t)|(${INVISIBLE.source})|(${SPACE.source}+)|((?:(?!${INVISIBLE.source}|${SPACE.source})[^\\n\\r\\t])+)`,
  "gu",
);

function split(text: string): Segment[] {
  if (ONLY_JOINERS.test(text)) return [...text].map((joiner) => ({ kind: "code", text: codePoint(joiner) }));
  const segments: Segment[] = [];
  for (const [piece, newline, tab, invisible, spaces] of text.matchAll(PIECES)) {
    if (newline !== undefined) segments.push({ kind: "newline", text: "" }, { kind: "break", text: "\n" });
    else if (tab !== undefined) segments.push({ kind: "tab", text: "\t" });
    else if (invisible !== undefined) segments.push({ kind: "code", text: codePoint(invisible) });
    else if (spaces !== undefined) for (const space of spaces) segments.push({ kind: "space", text: space });
    else segments.push({ kind: "text", text: piece });
  }
  return segments;
}

/** Is this a single space between two pieces of text? Those are left alone. */
function isPlainSpace(segments: readonly Segment[], i: number): boolean {
  return segments[i]?.text === " " && segments[i - 1]?.kind === "text" && segments[i + 1]?.kind === "text";
}

/** Joins plain spaces to the text around them. */
function joined(segments: readonly Segment[]): Segment[] {
  const out: Segment[] = [];
  segments.forEach((segment, i) => {
    const plain = segment.kind === "text" || isPlainSpace(segments, i);
    const last = out.at(-1);
    if (plain && last?.kind === "text") out[out.length - 1] = { kind: "text", text: last.text + segment.text };
    else out.push(plain ? { kind: "text", text: segment.text } : segment);
  });
  return out;
}

/**
 * Lays out one token.
 *
 * @param previous Text of the token before: a space after white space is a double space, and is marked.
 */
export function layoutToken(text: string, previous = ""): TokenLayout {
  const segments = split(text);
  const firstInk = segments.findIndex(({ kind }) => kind !== "space");
  let before: Segment[] = [];
  let inside = segments;
  // White space alone is what the token is: then the highlight covers it.
  if (firstInk > 0 && segments[firstInk]?.kind === "text") {
    before = segments.slice(0, firstInk);
    inside = segments.slice(firstInk);
    const ordinary = before.length === 1 && before[0]?.text === " " && !/[ \u00a0]$/.test(previous);
    if (ordinary) before = [{ kind: "text", text: " " }];
  }
  let after = "";
  if (inside.at(-1)?.kind === "break") {
    inside = inside.slice(0, -1);
    after = "\n";
  }
  return { before, inside: joined(inside), after };
}

/** Glyphs so slim that their token needs a wider box. */
const SLIM = /^[.,:;'’"`!|()[\]{}ijl·•°/\\-]$/u;

export function isSlim(text: string): boolean {
  return SLIM.test(text.trim());
}
