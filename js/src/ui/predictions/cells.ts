/** The elements of the table, and what is written into them. Nothing is written that has not changed. */
import { formatCount, formatPercent, quoteToken } from "../../charts/format";
import { element } from "../strip/build";
import { writeToken } from "../token-text";
import type { Candidate, LayerRow, Predictions } from "./picture";

const NONE = "";

/** Most tokens are a space and a word, or a word alone: those are rewritten in place. */
const PLAIN = /^( ?)([\p{L}\p{N}]+)$/u;

/** One candidate of a layer. */
export class CandidateCell {
  readonly root = element("ew-pred-cell");
  readonly #token = element("ew-pred-token");
  readonly #percent = element("ew-pred-percent");
  readonly #bar = element("ew-pred-bar");
  readonly #space = element("ew-space", " ");
  readonly #word = document.createTextNode("");
  #plain = false;
  #text: string | null = null;
  #shown = NONE;
  #width = NONE;
  #mark = NONE;
  #isActual = false;

  constructor(row: number, column: number) {
    const { root } = this;
    root.setAttribute("role", "gridcell");
    root.tabIndex = -1;
    root.dataset.row = String(row);
    root.dataset.column = String(column);
    const track = element("ew-pred-track");
    track.append(this.#bar);
    root.append(this.#token, this.#percent, track);
  }

  update(candidate: Candidate | undefined, { actual, watched }: Predictions): void {
    const { root } = this;
    if (root.hidden !== (candidate === undefined)) root.hidden = candidate === undefined;
    if (!candidate) return;
    const { id, text, probability } = candidate;
    if (text !== this.#text) this.#write(text);
    const shown = `${formatPercent(probability)} ${id}`;
    if (shown !== this.#shown) {
      this.#shown = shown;
      this.#percent.textContent = formatPercent(probability);
      root.dataset.id = String(id);
      root.removeAttribute("title");
    }
    const isActual = actual !== null && actual.id === id;
    if (isActual !== this.#isActual) root.classList.toggle("ew-actual", isActual);
    this.#isActual = isActual;
    const width = `${(100 * Math.min(1, probability)).toFixed(2)}%`;
    if (width !== this.#width) this.#bar.style.width = width;
    this.#width = width;
    const color = watched.get(id) ?? NONE;
    if (color !== this.#mark) {
      root.classList.toggle("ew-watched", color !== NONE);
      if (color) root.style.setProperty("--ew-mark", color);
      else root.style.removeProperty("--ew-mark");
      this.#mark = color;
    }
  }

  #write(text: string): void {
    this.#text = text;
    const [, space, word] = PLAIN.exec(text) ?? [];
    if (word === undefined) {
      this.#plain = false;
      writeToken(this.#token, text);
      return;
    }
    this.#word.data = word;
    if (!this.#plain) this.#token.replaceChildren(this.#space, this.#word);
    this.#plain = true;
    this.#space.hidden = space === "";
  }
}

/** What is known of a candidate, for who rests on it. */
export function describeCandidate(candidate: Candidate, row: LayerRow, rank: number, isActual: boolean): string {
  const facts = [quoteToken(candidate.text), `${row.name}, rank ${rank}`, formatPercent(candidate.probability)];
  if (isActual) facts.push("the token that stands there");
  return [...facts, `id ${candidate.id}`].join(" · ");
}

/** The name of a layer, and at its end what it makes of the token that stands there. */
export class RowEnds {
  readonly head = element("ew-pred-layer");
  readonly tail = element("ew-pred-tail");
  readonly #rank = element("ew-pred-rank");
  readonly #probability = element("ew-pred-percent");
  #shown = NONE;

  constructor() {
    this.head.setAttribute("role", "rowheader");
    this.tail.setAttribute("role", "gridcell");
    this.tail.append(this.#rank, this.#probability);
  }

  update({ name, actual }: LayerRow): void {
    const rank = actual ? formatCount(actual.rank) : NONE;
    const probability = actual ? formatPercent(actual.probability) : NONE;
    const shown = `${name}|${rank}|${probability}`;
    if (shown === this.#shown) return;
    this.#shown = shown;
    writeLayerName(this.head, name);
    this.#rank.textContent = rank;
    this.#probability.textContent = probability;
    this.tail.classList.toggle("ew-first", actual?.rank === 1);
    this.tail.setAttribute("aria-label", actual ? `rank ${rank}, ${probability}` : NONE);
  }
}

/** `layer 3`, whose word can be left out where there is little room. */
function writeLayerName(head: HTMLElement, name: string): void {
  head.setAttribute("aria-label", name);
  const [, word, number] = /^(layer )(\d+)$/.exec(name) ?? [];
  if (word && number) head.replaceChildren(element("ew-wordy", word), number);
  else head.textContent = name;
}
