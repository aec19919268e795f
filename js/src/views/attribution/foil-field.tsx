/**
 * The token to contrast with. A leading space belongs to a token, so it has a switch of its own instead of being a blank that
 * nobody sees.
 */
import { useEffect, useRef, useState } from "preact/hooks";
import { useValue } from "../../ui/use-value";
import type { AttributionStore } from "./store";
import type { ViewState } from "./view-state";

interface FoilFieldProps {
  store: AttributionStore;
  view: ViewState;
  /** Take the focus: a person has just asked for a contrast. */
  focused: boolean;
}

interface Draft {
  readonly space: boolean;
  readonly text: string;
}

export function toDraft(foil: string): Draft {
  return foil.startsWith(" ") ? { space: true, text: foil.slice(1) } : { space: false, text: foil };
}

export function fromDraft({ space, text }: Draft): string {
  return (space ? " " : "") + text;
}

export function FoilField({ store, view, focused }: FoilFieldProps) {
  const foil = useValue(store.traits.foil);
  const problem = useValue(store.problem);
  const field = useRef<HTMLInputElement>(null);
  /** What the field shows for the foil that is set; without one, the space that the explained token has. */
  const settled = (): Draft => {
    if (foil) return toDraft(foil);
    const position = store.traits.position.peek();
    const explained = position === null ? " " : view.tokens.peek().text(position);
    return { space: explained.startsWith(" "), text: "" };
  };
  const [draft, setDraft] = useState<Draft>(settled);
  useEffect(() => {
    // After a refusal the old foil is back; what was typed stays, to be corrected.
    if (foil && store.problem.peek()?.about !== "foil") setDraft(toDraft(foil));
  }, [foil]);
  useEffect(() => {
    if (focused) field.current?.focus({ preventScroll: true });
  }, [focused]);

  /** Empty is the best other token. */
  const wanted = (next: Draft) => (next.text.trim() === "" ? null : fromDraft(next));
  const applied = wanted(draft) === foil;
  const submit = (next: Draft) => {
    if (wanted(next) !== foil) store.apply({ target: "contrast", foil: wanted(next) });
  };
  const typed = (text: string) => {
    const next = text.startsWith(" ") ? toDraft(text) : { ...draft, text };
    setDraft(next);
  };
  return (
    <span class="ew-foil" data-applied={applied} data-invalid={problem?.about === "foil"}>
      <button
        type="button"
        class="ew-foil-space"
        aria-pressed={draft.space}
        aria-label="the token starts with a space"
        title={draft.space ? "starts with a space" : "does not start with a space"}
        onClick={() => {
          const next = { ...draft, space: !draft.space };
          setDraft(next);
          submit(next);
        }}
      >
        ␣
      </button>
      <input
        ref={field}
        class="ew-foil-text"
        type="text"
        size={10}
        spellcheck={false}
        autocomplete="off"
        placeholder="next best"
        title="a token of the vocabulary; empty: the best other one"
        aria-label="token to contrast with"
        aria-invalid={problem?.about === "foil"}
        value={draft.text}
        onInput={(event) => typed(event.currentTarget.value)}
        onChange={() => submit(draft)}
        onKeyDown={(event) => {
          event.stopPropagation();
          if (event.key === "Enter") submit(draft);
          if (event.key === "Escape") {
            if (problem?.about === "foil") store.dismissProblem();
            setDraft(settled());
          }
        }}
      />
      {!applied && (
        <span class="ew-key" aria-hidden="true">
          Enter
        </span>
      )}
    </span>
  );
}

/** What was wrong with the token, under the controls. */
export function FoilProblem({ store }: { store: AttributionStore }) {
  const problem = useValue(store.problem);
  if (problem?.about !== "foil") return null;
  return (
    <div class="ew-foil-problem" role="alert">
      <span class="ew-banner-message">{problem.message}</span>{" "}
      {problem.hint && <span class="ew-banner-hint">{problem.hint}</span>}
    </div>
  );
}
