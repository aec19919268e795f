/**
 * The tokens' backgrounds on a canvas behind the text: for texts so long that writing to every element costs a frame.
 *
 * The canvas covers what is in sight and some more above and below, and scrolls with the text, so that it is redrawn only
 * when sight nears its edge.
 */
import { LEVELS } from "../../charts/palettes";
import type { Geometry, Viewport } from "./geometry";
import type { Picture } from "./span-painter";

const RADIUS = 3;
/** How far the canvas reaches beyond what is in sight, as a share of it. */
const MARGIN = 0.5;

export class CanvasLayer {
  readonly element: HTMLCanvasElement;
  readonly #viewport: Viewport;
  readonly #geometry: Geometry;
  #top = 0;
  #height = 0;
  #picture: Picture | null = null;

  constructor(viewport: Viewport, geometry: Geometry) {
    this.#viewport = viewport;
    this.#geometry = geometry;
    this.element = document.createElement("canvas");
    this.element.className = "ew-canvas";
    this.element.setAttribute("aria-hidden", "true");
  }

  paint(picture: Picture): void {
    this.#picture = picture;
    this.#place(true);
    this.#draw();
  }

  scrolled(): void {
    if (this.#place(false)) this.#draw();
  }

  /** Tokens the canvas covers. */
  window(): readonly [number, number] {
    this.#place(false);
    return this.#geometry.range(this.#top, this.#top + this.#height);
  }

  /** Puts the canvas around what is in sight; returns whether it had to move. */
  #place(force: boolean): boolean {
    const seen = this.#viewport.read();
    const ratio = window.devicePixelRatio || 1;
    const inside = seen.top >= this.#top && seen.top + seen.height <= this.#top + this.#height;
    const width = Math.round(seen.width * ratio);
    if (inside && !force && this.element.width === width) return false;
    const margin = Math.floor(seen.height * MARGIN);
    const top = Math.max(0, Math.floor(seen.top) - margin);
    const height = Math.min(seen.height + 2 * margin, seen.full - top);
    const { style } = this.element;
    const pixels = Math.round(height * ratio);
    if (this.element.width !== width || this.element.height !== pixels) {
      this.element.width = width;
      this.element.height = pixels;
      style.width = `${seen.width}px`;
      style.height = `${height}px`;
    }
    style.top = `${top}px`;
    this.#top = top;
    this.#height = height;
    return true;
  }

  #draw(): void {
    const context = this.element.getContext("2d");
    const picture = this.#picture;
    if (!context || !picture) return;
    const ratio = window.devicePixelRatio || 1;
    context.setTransform(ratio, 0, 0, ratio, 0, -this.#top * ratio);
    context.clearRect(0, this.#top, this.element.width / ratio, this.#height);
    const colors = picture.faded ? picture.table.faded : picture.table.background;
    const [from, to] = this.#geometry.range(this.#top, this.#top + this.#height);
    for (let i = from; i < to; i++) {
      const level = picture.levels[i] ?? 0;
      if (level === 0) continue;
      context.fillStyle = colors[level + LEVELS] ?? "transparent";
      for (const { x, y, width, height } of this.#geometry.boxes(i)) {
        context.beginPath();
        context.roundRect(x, y, width, height, RADIUS);
        context.fill();
      }
    }
  }
}
