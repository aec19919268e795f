/** One quiet line: what is going on, how long it took. */
import { useEffect, useState } from "preact/hooks";

export type StatusTone = "good" | "busy" | "idle" | "warn" | "bad";

export interface StatusProps {
  tone: StatusTone;
  text: string;
  /** More about it, shown on hover. */
  title?: string;
  progress?: { readonly done: number; readonly total: number; readonly label: string } | null;
  /** The page's clock when the running work began: a long one shows how long it has been. */
  since?: number | null;
  action?: { readonly label: string; run(): void } | null;
}

/** Work that takes longer shows its time. */
const SHOW_TIME_AFTER_MS = 1000;

export function Status({ tone, text, title, progress, since, action }: StatusProps) {
  const now = useNow(since != null && !progress);
  const elapsed = since == null ? 0 : now - since;
  const words = elapsed > SHOW_TIME_AFTER_MS ? `${(elapsed / 1000).toFixed(1)} s` : text;
  const steps = progress ? `${progress.done} of ${progress.total}` : words;
  return (
    <div class="ew-status" data-tone={tone} title={progress ? `${progress.label} ${steps}` : title}>
      <span class="ew-dot" aria-hidden="true" />
      <span class="ew-status-text">{steps}</span>
      {action && (
        <button type="button" class="ew-link" onClick={action.run}>
          {action.label}
        </button>
      )}
      {progress && (
        <progress
          class="ew-progress"
          value={progress.done}
          max={Math.max(1, progress.total)}
          aria-label={progress.label}
        />
      )}
    </div>
  );
}

/** The page's clock, read again and again while it matters. */
function useNow(matters: boolean): number {
  const [now, setNow] = useState(() => performance.now());
  useEffect(() => {
    if (!matters) return;
    const timer = setInterval(() => setNow(performance.now()), 200);
    return () => clearInterval(timer);
  }, [matters]);
  return now;
}
