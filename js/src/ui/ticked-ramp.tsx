/** A ramp of colours with its values under it. */
interface RampProps {
  /** A CSS gradient from left to right. */
  gradient: string;
  /** Values, where they are (0 is the left end, 1 the right one). */
  ticks: ReadonlyArray<{ readonly at: number; readonly label: string }>;
  /** What the ends mean. */
  ends?: readonly [string, string];
}

export function TickedRamp({ gradient, ticks, ends: [left, right] = ["", ""] }: RampProps) {
  return (
    <span class="ew-ramp-box ew-ticked">
      {left && <span>{left}</span>}
      <span class="ew-scale">
        <span class="ew-ramp" style={{ background: gradient }} aria-hidden="true" />
        {ticks.map(({ at, label }) => (
          <span key={label} class="ew-tick" style={{ left: `${100 * at}%` }}>
            {label}
          </span>
        ))}
      </span>
      {right && <span>{right}</span>}
    </span>
  );
}
