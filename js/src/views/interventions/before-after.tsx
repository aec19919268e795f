/** The text as it was, and as it is generated with the neurons changed; what differs is marked. */
import { useMemo } from "preact/hooks";
import { sequenceDifference } from "../../charts/sequence-diff";
import type { TextTokens } from "../../generated/shared";
import { TokenText } from "../../ui/token-chip";
import type { Ablation } from "./ablation";

/** Tokens of the prompt that are shown before what was generated. */
const CONTEXT = 6;

interface TextProps {
  label: string;
  tokens: TextTokens;
  from: number;
  /** Indices (of what was generated) that the other text lacks. */
  marked: ReadonlySet<number>;
  kind: "gone" | "come";
}

function Generated({ label, tokens, from, marked, kind }: TextProps) {
  const context = tokens.texts.slice(Math.max(0, from - CONTEXT), from);
  return (
    <>
      <span class="ew-version">{label}</span>
      <p class="ew-version-text" data-version={label}>
        <span class="ew-version-context">
          {from > CONTEXT && "… "}
          {context.map((text, i) => (
            <TokenText key={i} text={text} className="ew-flowing-token" />
          ))}
        </span>
        {tokens.texts.slice(from).map((text, i) => (
          <TokenText
            key={i}
            text={text}
            className={`ew-flowing-token ${marked.has(i) ? `ew-changed ew-${kind}` : ""}`}
          />
        ))}
      </p>
    </>
  );
}

export function BeforeAfter({ ablation }: { ablation: Ablation }) {
  const { before, after, n_prompt, first_changed } = ablation;
  const difference = useMemo(
    () => sequenceDifference(before.ids.slice(n_prompt), after?.ids.slice(n_prompt) ?? []),
    [before, after, n_prompt],
  );
  if (after === null) return null;
  const same = first_changed === null;
  return (
    <div class="ew-before-after">
      <Generated label="before" tokens={before} from={n_prompt} marked={difference.gone} kind="gone" />
      <Generated label="after" tokens={after} from={n_prompt} marked={difference.come} kind="come" />
      {same && <span class="ew-version-note">The text is the same.</span>}
    </div>
  );
}
