/** Builds the strip's elements. Token text only ever enters the document as text. */
import { isSlim, layoutToken, type Segment } from "./segments";
import type { TokenSequence } from "./tokens";

export interface TokenParts {
  readonly root: HTMLElement;
  /** What is coloured: the glyphs, without bar and percentage. */
  readonly face: HTMLElement;
  /** Detailed style only. */
  readonly bar: HTMLElement | null;
  readonly percent: HTMLElement | null;
}

export type StripStyle = "plain" | "detailed" | "flowing";

export interface BuiltStrip {
  readonly content: DocumentFragment;
  readonly parts: readonly TokenParts[];
}

/** Longest run of tokens without a space that is kept on one line in the detailed style. */
const LONGEST_WORD = 8;

export function element(className: string, text = ""): HTMLSpanElement {
  const span = document.createElement("span");
  span.className = className;
  if (text) span.textContent = text;
  return span;
}

function appendSegments(parent: Node, segments: readonly Segment[]): void {
  for (const { kind, text } of segments) {
    if (kind === "text" || kind === "break") parent.appendChild(document.createTextNode(text));
    else parent.appendChild(element(`ew-${kind}`, text));
  }
}

function fillToken(
  target: HTMLElement,
  tokens: TokenSequence,
  index: number,
  flowing: boolean,
): { before: readonly Segment[]; after: string } {
  const fragment = tokens.fragment(index);
  const nothing = { before: [], after: "" };
  if (index === tokens.next) {
    target.classList.add("ew-ghost");
    target.append("next token");
    return nothing;
  }
  if (tokens.isSpecial(index)) {
    target.append(element("ew-chip", tokens.text(index) || `#${tokens.ids[index] ?? index}`));
    return nothing;
  }
  if (fragment && fragment.piece > 0) {
    target.append(element("ew-piece", String(fragment.piece + 1)));
    return nothing;
  }
  if (tokens.text(index) === "") {
    target.append(element("ew-chip", `#${tokens.ids[index] ?? index}`));
    return nothing;
  }
  const layout = layoutToken(tokens.text(index), index > 0 ? tokens.text(index - 1) : "");
  const inside = flowing ? layout.inside.filter(({ kind }) => kind !== "break") : layout.inside;
  appendSegments(target, inside);
  return layout;
}

function buildToken(tokens: TokenSequence, index: number, style: StripStyle) {
  const root = element("ew-token");
  root.dataset.i = String(index);
  root.setAttribute("role", "option");
  root.setAttribute("aria-selected", "false");
  root.setAttribute("aria-label", `${tokens.name(index)}, token ${index}`);
  if (tokens.isClass(index)) root.classList.add("ew-class");
  else if (tokens.isGenerated(index) && index !== tokens.next) root.classList.add("ew-generated");
  if (!tokens.isExplainable(index)) root.setAttribute("aria-disabled", "true");
  if (isSlim(tokens.text(index))) root.classList.add("ew-slim");
  let bar: HTMLElement | null = null;
  let percent: HTMLElement | null = null;
  let glyphs: HTMLElement = root;
  if (style === "detailed") {
    const track = element("ew-track");
    bar = element("ew-bar");
    percent = element("ew-percent");
    glyphs = element("ew-glyphs");
    track.append(bar);
    root.append(track, glyphs, percent);
  }
  const { before, after } = fillToken(glyphs, tokens, index, style === "flowing");
  return { parts: { root, face: glyphs, bar, percent }, before, after };
}

/** The place of a part of the sequence, with its name. */
function buildPart(name: string): HTMLElement {
  const part = document.createElement("div");
  part.className = "ew-part";
  part.dataset.part = name;
  const label = element("ew-part-name", name);
  label.setAttribute("aria-hidden", "true");
  part.append(label);
  return part;
}

/**
 * Builds the elements of all tokens.
 *
 * @param style Plain text, with bars and percentages, or flowing: line breaks are marked and not made.
 */
export function buildStrip(tokens: TokenSequence, style: StripStyle): BuiltStrip {
  const detailed = style === "detailed";
  const content = document.createDocumentFragment();
  let parent: Node = content;
  const parts: TokenParts[] = [];
  let word: HTMLElement | null = null;
  let wordLength = 0;
  for (let i = 0; i < tokens.length; i++) {
    const segment = tokens.segmentAt(i);
    if (segment) {
      parent = content.appendChild(buildPart(segment.name));
      word = null;
    }
    const built = buildToken(tokens, i, style);
    parts.push(built.parts);
    if (style === "flowing") built.after = "";
    if (!detailed) {
      appendSegments(parent, built.before);
      parent.appendChild(built.parts.root);
      if (built.after) parent.appendChild(document.createTextNode(built.after));
      continue;
    }
    // Cells are atomic, so a line could break inside a word: hold its pieces together.
    if (word === null || built.before.length > 0 || wordLength >= LONGEST_WORD) {
      appendSegments(parent, built.before);
      word = element("ew-word");
      wordLength = 0;
      parent.appendChild(word);
    }
    word.append(built.parts.root);
    wordLength++;
    if (built.after) {
      parent.appendChild(document.createTextNode(built.after));
      word = null;
    }
  }
  return { content, parts };
}
