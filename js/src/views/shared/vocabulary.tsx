/** Chips: entries of the vocabulary that neurons promote, tokens of the text at which they fire. */
import { formatValue } from "../../charts/format";
import type { ScoredToken } from "../../generated/shared";
import type { TokenSequence } from "../../ui/strip/tokens";
import { TokenText } from "../../ui/token-chip";

interface ScoredProps {
  tokens: readonly ScoredToken[];
}

/** Stronger ones first; how strongly is in the title. */
export function ScoredChips({ tokens }: ScoredProps) {
  return (
    <span class="ew-chips">
      {tokens.map(({ id, text, score }) => (
        <span
          key={id}
          class="ew-fact-chip"
          data-id={id}
          title={`logit ${score > 0 ? "+" : ""}${formatValue(score)}, up to a common factor`}
        >
          <TokenText text={text} />
        </span>
      ))}
    </span>
  );
}

/** In a text a word's leading space says nothing. */
function inText(text: string): string {
  return text.replace(/^ (?=\S)/, "");
}

interface PlacesProps {
  positions: readonly number[];
  tokens: TokenSequence;
  /** The token that is pointed at, null for none. */
  onPoint(position: number | null): void;
}

/** Tokens of the text; pointing at one marks it. */
export function PlaceChips({ positions, tokens, onPoint }: PlacesProps) {
  return (
    <span class="ew-chips">
      {positions.map((position) => (
        <button
          key={position}
          type="button"
          class="ew-fact-chip ew-place-chip"
          data-position={position}
          title={`token ${position}`}
          onPointerEnter={() => onPoint(position)}
          onPointerLeave={() => onPoint(null)}
          onFocus={() => onPoint(position)}
          onBlur={() => onPoint(null)}
          onClick={() => onPoint(position)}
        >
          <TokenText text={inText(tokens.text(tokens.fragment(position)?.start ?? position))} />
        </button>
      ))}
    </span>
  );
}
