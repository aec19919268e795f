/** Change of the log-probability at each output: a dot, and beside it what as many random neurons do. */
import { useRef, useState } from "preact/hooks";
import { formatValue } from "../../charts/format";
import { useWidth } from "../../ui/use-width";
import type { Ablation } from "./ablation";
import { CLEAR, effectOf, effectSentence, pointEffects, pointSentence } from "./effect";
import { plotGeometry, pointAt } from "./plot-geometry";

interface PlotProps {
  ablation: Ablation;
  /** Of the dots. */
  color: string;
  /** Where the text begins in the shown sequence. */
  start: number;
}

export function EffectPlot({ ablation, color, start }: PlotProps) {
  const holder = useRef<HTMLDivElement>(null);
  const width = useWidth(holder, 320);
  const [pointed, point] = useState<number | null>(null);
  const points = pointEffects(ablation);
  if (points.length === 0) return null;
  const effect = effectOf(points);
  const geometry = plotGeometry(points, width);
  const { box, x, y, pitch } = geometry;
  const farthest = points.reduce(
    (best, { change }, i) => (Math.abs(change) > Math.abs(points[best]?.change ?? 0) ? i : best),
    0,
  );
  const at = Math.min(points.length - 1, pointed ?? farthest);
  const text = ablation.before.texts[(points[at]?.position ?? -1) - start] ?? "";
  const half = Math.min(5, 0.36 * pitch);
  const looked = (event: PointerEvent) => {
    const left = holder.current?.getBoundingClientRect().left ?? 0;
    point(pointAt(geometry, points.length, event.clientX - left));
  };
  const keys = (event: KeyboardEvent) => {
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: points.length - 1 }[event.key];
    if (to === undefined || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    point(Math.min(points.length - 1, Math.max(0, to)));
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div class="ew-effect" style={{ "--ew-mark": color }}>
      <p class="ew-effect-sentence" data-verdict={effect.verdict}>
        {effectSentence(effect, ablation.n_neurons, ablation.n_random, ablation.random_overlap)}
      </p>
      <div
        ref={holder}
        class="ew-effect-plot"
        role="slider"
        aria-label="change of the log-probability at each output"
        aria-valuenow={at}
        aria-valuemin={0}
        aria-valuemax={points.length - 1}
        aria-valuetext={pointSentence(text, ablation, at)}
        tabIndex={0}
        onPointerMove={looked}
        onPointerLeave={() => point(null)}
        onKeyDown={keys}
      >
        <svg width={width} height={box.height} aria-hidden="true">
          <line class="ew-crosshair" x1={x(at)} x2={x(at)} y1={box.top} y2={box.height - box.bottom} />
          {geometry.ticks.map((tick) => (
            <g key={tick}>
              <line
                class={tick === 0 ? "ew-zero" : "ew-grid"}
                x1={box.left}
                x2={Math.min(width - box.right, box.left + points.length * pitch)}
                y1={y(tick)}
                y2={y(tick)}
              />
              <text class="ew-axis" x={box.left - 7} y={y(tick) + 3.5} text-anchor="end">
                {tick === 0 ? "0" : formatValue(tick)}
              </text>
            </g>
          ))}
          {points.map(({ position, change, random, spread }, i) => (
            <g key={position}>
              {random !== null && (
                <>
                  <rect
                    class="ew-random-range"
                    x={x(i) - half}
                    width={2 * half}
                    y={y(random + spread)}
                    height={Math.max(2, y(random - spread) - y(random + spread))}
                    rx={1.5}
                  />
                  <line class="ew-random-mean" x1={x(i) - half} x2={x(i) + half} y1={y(random)} y2={y(random)} />
                </>
              )}
              <line class="ew-change-stem" x1={x(i)} x2={x(i)} y1={y(random ?? 0)} y2={y(change)} />
              <circle
                class={`ew-change-dot ${isClear(change, random, spread) ? "ew-clear" : ""}`}
                cx={x(i)}
                cy={y(change)}
                r={Math.min(3.5, Math.max(2, 0.3 * pitch))}
              />
            </g>
          ))}
          {points.map(({ position }, i) => (
            <text key={position} class="ew-axis ew-output" x={x(i)} y={box.height - 5} text-anchor="middle">
              {axisLabel(ablation.before.texts[position - start] ?? "", pitch)}
            </text>
          ))}
        </svg>
      </div>
      <div class="ew-effect-readout">{pointSentence(text, ablation, at)}</div>
      <div class="ew-effect-key">
        <span class="ew-key-dot" /> these neurons <span class="ew-key-range" /> as many random ones, mean ± spread ·
        change of log p, nats
      </div>
    </div>
  );
}

/** Pixels of a character, about. */
const CHARACTER = 5.8;

/** A token under its dot, as much of it as fits; nothing where a word can't be told. */
function axisLabel(text: string, pitch: number): string {
  const most = Math.floor((pitch - 2) / CHARACTER);
  const visible = text.trim() === "" ? (text.includes("\n") ? "↵" : "") : text.trim().replace(/\s+/g, " ");
  const characters = [...visible];
  if (characters.length <= most) return visible;
  return most >= 4 ? `${characters.slice(0, most - 1).join("")}…` : "";
}

function isClear(change: number, random: number | null, spread: number): boolean {
  return random !== null && Math.abs(change - random) > CLEAR * spread;
}
