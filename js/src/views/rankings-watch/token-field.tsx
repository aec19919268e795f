/** Where tokens to watch are typed: completed from the vocabulary; a text that is not one token shows its pieces. */
import { useEffect, useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Completions, TokenChoice } from "../../generated/shared";
import { float } from "../../ui/float";
import { useValue } from "../../ui/use-value";
import type { LensHandle } from "../lens/handle";
import { CompletionList, type Offer, offersOf } from "./completion-list";

/** Typing rests this long before the kernel is asked. */
const ASK_AFTER_MS = 60;

interface FieldProps {
  store: LensHandle;
}

export function TokenField({ store }: FieldProps) {
  const [draft, setDraft] = useState("");
  const [found, setFound] = useState<Completions | null>(null);
  const [open, setOpen] = useState(false);
  /** The offer that Enter takes; -1 for none. */
  const [active, setActive] = useState(-1);
  const watch = useValue(store.lens.watch);
  useValue(store.connection.state);
  const offline = !store.connection.open;
  const field = useRef<HTMLInputElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const id = useId();

  useEffect(() => {
    if (draft === "") {
      setFound(null);
      return;
    }
    let wanted = true;
    const timer = setTimeout(async () => {
      const answer = await store.complete(draft);
      // Answers can come late.
      if (!wanted || !answer) return;
      setFound(answer);
      setActive(answer.exact ? offersOf(answer).findIndex(({ token }) => token?.id === answer.exact?.id) : -1);
    }, ASK_AFTER_MS);
    return () => {
      wanted = false;
      clearTimeout(timer);
    };
  }, [draft, store]);

  const offers = found && draft !== "" ? offersOf(found) : [];
  const shown = open && found !== null && draft !== "" && (offers.length > 0 || found.problem !== "");
  useLayoutEffect(() => {
    if (shown && list.current && field.current) {
      float(list.current, field.current.getBoundingClientRect(), "below", "start");
    }
  });
  const add = (token: TokenChoice) => {
    store.watchToken(token, true);
    setDraft("");
    setActive(-1);
    field.current?.focus({ preventScroll: true });
  };
  const take = async (offer: Offer) => {
    if (offer.token) {
      add(offer.token);
      return;
    }
    // A piece is known by its text only.
    const answer = await store.complete(offer.text);
    if (answer?.exact) add(answer.exact);
  };
  const keys = (event: KeyboardEvent) => {
    event.stopPropagation();
    const last = watch.at(-1);
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (!shown) setOpen(true);
      else setActive(next(active, event.key === "ArrowDown" ? 1 : -1, offers.length));
    } else if (event.key === "Enter") {
      const offer = offers[active];
      if (offer) void take(offer);
      else if (found?.exact) add(found.exact);
    } else if (event.key === "Escape" && (draft !== "" || open)) {
      if (shown) setOpen(false);
      else setDraft("");
    } else if (event.key === "Backspace" && draft === "" && last !== undefined) {
      store.watchToken({ id: last, text: "" }, false);
    } else return;
    event.preventDefault();
  };
  return (
    <span class="ew-token-field">
      <input
        ref={field}
        class="ew-token-input"
        type="text"
        role="combobox"
        aria-label="token to watch"
        aria-expanded={shown}
        aria-controls={`${id}-list`}
        aria-autocomplete="list"
        aria-activedescendant={shown && active >= 0 ? `${id}-${active}` : undefined}
        placeholder={offline ? "needs a kernel" : "add a token …"}
        disabled={offline}
        size={14}
        spellcheck={false}
        autocomplete="off"
        value={draft}
        onInput={(event) => {
          setDraft(event.currentTarget.value);
          setActive(-1);
          setOpen(true);
        }}
        onFocus={() => setOpen(true)}
        onBlur={() => setOpen(false)}
        onKeyDown={keys}
      />
      {shown && found && (
        <CompletionList
          box={list}
          id={id}
          found={found}
          offers={offers}
          active={active}
          watch={watch}
          onPoint={setActive}
          onTake={(offer) => void take(offer)}
        />
      )}
    </span>
  );
}

/** The next offer in a direction; beyond the ends there is none. */
function next(active: number, by: 1 | -1, count: number): number {
  const to = active + by;
  if (to < -1) return count - 1;
  return to >= count ? -1 : to;
}
