/** A token's text in one line, with white space and what else can't be seen made visible. */
import { element } from "./strip/build";
import { layoutToken, type Segment } from "./strip/segments";

/** The pieces of a token's text, line breaks as marks only. */
export function visibleSegments(text: string): readonly Segment[] {
  // After white space, so that a leading space is marked.
  const { before, inside } = layoutToken(text, " ");
  return [...before, ...inside].filter(({ kind }) => kind !== "break");
}

/** Writes a token's text into an element, as text. */
export function writeToken(target: HTMLElement, text: string): void {
  if (text === "") {
    target.replaceChildren(element("ew-chip", "empty"));
    return;
  }
  target.replaceChildren(
    ...visibleSegments(text).map(({ kind, text: piece }) =>
      kind === "text" ? document.createTextNode(piece) : element(`ew-${kind}`, piece),
    ),
  );
}
