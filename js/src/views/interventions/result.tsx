/** What came of changing some neurons: both texts, the effect, the best tokens at one position. */
import { formatPercent, quoteToken } from "../../charts/format";
import type { TokenProbability } from "../../generated/shared";
import { TokenText } from "../../ui/token-chip";
import type { Ablation } from "./ablation";
import { BeforeAfter } from "./before-after";
import { EffectPlot } from "./effect-plot";

interface ResultProps {
  ablation: Ablation;
  color: string;
  /** What was changed: `factor 3`, `neuron 512`. */
  what: string;
  /** Where the text begins in the shown sequence: positions count from there. */
  start?: number;
}

const DID = { zero: "set to zero", mean: "held at their mean", scale: "scaled", set: "set" };

export function ablationTitle({ action, value, n_neurons }: Ablation, what: string): string {
  const how = value === null ? DID[action] : action === "scale" ? `scaled by ${value}` : `set to ${value}`;
  const many = n_neurons === 1 ? what : `${n_neurons.toLocaleString("en")} neurons of ${what}`;
  return `${many} ${n_neurons === 1 ? how.replace("their", "its") : how}`;
}

export function AblationResult({ ablation, color, what, start = 0 }: ResultProps) {
  const { top_before, top_after, position, before } = ablation;
  const stands = before.texts[position - start];
  return (
    <section class="ew-ablation" aria-label="With these neurons changed">
      <div class="ew-ablation-title">{ablationTitle(ablation, what)}</div>
      <BeforeAfter ablation={ablation} />
      <div class="ew-ablation-numbers">
        <EffectPlot ablation={ablation} color={color} start={start} />
        {top_before.length > 0 && (
          <div class="ew-tops">
            <div class="ew-tops-title">
              best tokens at {stands === undefined ? "the next position" : quoteToken(stands)} · token {position}
            </div>
            <div class="ew-tops-columns">
              <Best label="before" tokens={top_before} />
              <Best label="after" tokens={top_after} />
            </div>
          </div>
        )}
      </div>
    </section>
  );
}

function Best({ label, tokens }: { label: string; tokens: readonly TokenProbability[] }) {
  return (
    <div class="ew-best" data-version={label}>
      <span class="ew-version">{label}</span>
      {tokens.map(({ text, p }) => (
        <div key={text} class="ew-best-token">
          <TokenText text={text} className="ew-candidate-text" />
          <span class="ew-candidate-track" aria-hidden="true">
            <span class="ew-candidate-bar" style={{ width: `${Math.max(1, 100 * p)}%` }} />
          </span>
          <span class="ew-candidate-share">{formatPercent(p)}</span>
        </div>
      ))}
    </div>
  );
}
