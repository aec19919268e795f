/** What can be taken for a text that is being typed. */
import type { RefObject } from "preact";
import { seriesColor } from "../../charts/series";
import type { Completions, TokenChoice } from "../../generated/shared";
import { TokenText } from "../../ui/token-chip";

export interface Offer {
  readonly text: string;
  /** Null for a piece of the text, whose id is not known yet. */
  readonly token: TokenChoice | null;
}

/** The exact token first, then the pieces of what is not one token, then the completions. */
export function offersOf({ exact, pieces, tokens, problem }: Completions): Offer[] {
  const first: Offer[] = exact ? [{ text: exact.text, token: exact }] : [];
  const parts: Offer[] = !exact && problem !== "" ? [...new Set(pieces)].map((text) => ({ text, token: null })) : [];
  const rest = tokens.filter(({ id }) => id !== exact?.id).map((token) => ({ text: token.text, token }));
  return [...first, ...parts, ...rest];
}

interface ListProps {
  box: RefObject<HTMLDivElement>;
  id: string;
  found: Completions;
  offers: readonly Offer[];
  active: number;
  /** Ids that are watched already. */
  watch: readonly number[];
  onPoint(index: number): void;
  onTake(offer: Offer): void;
}

export function CompletionList({ box, id, found, offers, active, watch, onPoint, onTake }: ListProps) {
  const pieces = offers.filter(({ token }) => token === null).length;
  return (
    <div ref={box} class="ew-float ew-completions" popover="manual">
      {found.problem && !found.exact && (
        <div class="ew-completions-problem" role="status">
          {found.problem}
        </div>
      )}
      <div id={`${id}-list`} role="listbox" aria-label="tokens of the vocabulary">
        {offers.map((offer, i) => {
          const place = offer.token ? watch.indexOf(offer.token.id) : -1;
          return (
            // biome-ignore lint/a11y/useFocusableInteractive: the focus stays in the field, which names the active option.
            // biome-ignore lint/a11y/useKeyWithClickEvents: the field has the keys.
            <div
              key={offer.token ? offer.token.id : `piece ${offer.text}`}
              id={`${id}-${i}`}
              class={`ew-completion ${i === active ? "ew-active" : ""} ${i === pieces && pieces > 0 ? "ew-after-pieces" : ""}`}
              role="option"
              aria-selected={i === active}
              data-id={offer.token?.id ?? ""}
              onPointerMove={() => onPoint(i)}
              // The field keeps the focus.
              onPointerDown={(event) => event.preventDefault()}
              onClick={() => onTake(offer)}
            >
              <TokenText text={offer.text} />
              {place >= 0 && (
                <span class="ew-completion-note" style={{ "--ew-mark": seriesColor(place) }}>
                  <span class="ew-swatch" /> watched
                </span>
              )}
              {offer.token === null && <span class="ew-completion-note">piece</span>}
            </div>
          );
        })}
      </div>
    </div>
  );
}
