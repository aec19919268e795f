/** One chart of the list: swatch and name, line, share. Nothing is written that has not changed. */
import { element } from "../strip/build";
import { depth, sparkPath } from "./path";

export interface SparkSeries {
  /** What makes it the same series when others come and go. */
  readonly key: string;
  /** A CSS value; it stays with the series. */
  readonly color: string;
  /** Dashes that tell series of the same colour apart; "" for none. */
  readonly dash: string;
  /** Beside the swatch: `1`. */
  readonly name: string;
  /** (T,) one value a token. */
  readonly values: Float32Array;
  /** The value at the top of the chart. */
  readonly max: number;
  /** The value at the bottom: below 0 where values have a sign. */
  readonly min?: number;
  /** At the end: `31%`. */
  readonly share: string;
  /** It has no forerunner in the picture before. */
  readonly fresh: boolean;
  /** What assistive technology calls it. */
  readonly label: string;
  /** More about it is shown elsewhere. */
  readonly open?: boolean;
}

/** What the button of each row is called: it shows more about the series. */
export interface MoreButton {
  readonly label: string;
  readonly title: string;
}

const SVG = "http://www.w3.org/2000/svg";

function svg<Name extends "svg" | "path">(name: Name, className: string): SVGElementTagNameMap[Name] {
  const created = document.createElementNS(SVG, name) as SVGElementTagNameMap[Name];
  created.setAttribute("class", className);
  return created;
}

export class SparkRow {
  readonly root = element("ew-spark");
  /** What spans the tokens. */
  readonly chart = element("ew-spark-chart");
  readonly #name = element("ew-spark-name");
  readonly #share = element("ew-spark-share");
  readonly #picture = svg("svg", "ew-spark-picture");
  readonly #area = svg("path", "ew-spark-area");
  readonly #line = svg("path", "ew-spark-line");
  readonly #dot = element("ew-spark-dot");
  readonly #more: HTMLButtonElement | null = null;
  #series: SparkSeries | null = null;

  constructor(key: string, more: MoreButton | null = null) {
    const { root } = this;
    root.dataset.key = key;
    root.setAttribute("role", "option");
    root.tabIndex = -1;
    this.#picture.setAttribute("preserveAspectRatio", "none");
    this.#picture.setAttribute("aria-hidden", "true");
    this.#picture.append(this.#area, this.#line);
    this.chart.append(this.#picture, this.#dot);
    const swatch = element("ew-spark-swatch");
    root.append(swatch, this.#name, this.chart, this.#share);
    if (more) {
      this.#more = document.createElement("button");
      this.#more.type = "button";
      this.#more.className = "ew-icon-button ew-spark-more";
      // The keyboard has a key for it: rows are what the focus goes over.
      this.#more.tabIndex = -1;
      this.#more.title = more.title;
      this.#more.textContent = "⋯";
      root.append(this.#more);
    }
  }

  /** The button that shows more, as those who can't see the row call it. */
  nameMore(label: string): void {
    this.#more?.setAttribute("aria-label", label);
  }

  get series(): SparkSeries | null {
    return this.#series;
  }

  update(series: SparkSeries): void {
    const before = this.#series;
    this.#series = series;
    const { root } = this;
    const { min = 0 } = series;
    if (before?.values !== series.values || before.max !== series.max || before.min !== series.min) {
      const { width, line, area } = sparkPath(series.values, series.max, min);
      // A little room above and below, or half of a line at the edge is cut.
      this.#picture.setAttribute("viewBox", `0 -0.08 ${width} 1.16`);
      this.#line.setAttribute("d", line);
      this.#area.setAttribute("d", area);
    }
    if (before?.color !== series.color) root.style.setProperty("--ew-mark", series.color);
    if (before?.dash !== series.dash) this.#line.setAttribute("stroke-dasharray", series.dash);
    if (before?.name !== series.name) this.#name.textContent = series.name;
    if (before?.share !== series.share) this.#share.textContent = series.share;
    if (before?.label !== series.label) root.setAttribute("aria-label", series.label);
    root.classList.toggle("ew-fresh", series.fresh);
    root.classList.toggle("ew-signed", min < 0);
    root.classList.toggle("ew-open", series.open === true);
    this.#more?.setAttribute("aria-expanded", String(series.open === true));
  }

  /** Puts a dot on the line at a token; null takes it away. */
  mark(token: number | null): void {
    const value = token === null ? Number.NaN : (this.#series?.values[token] ?? Number.NaN);
    this.#dot.hidden = Number.isNaN(value);
    if (this.#dot.hidden || !this.#series) return;
    const { max, min = 0 } = this.#series;
    this.#dot.style.top = `${100 * ((depth(value, max, min) + 0.08) / 1.16)}%`;
  }
}
