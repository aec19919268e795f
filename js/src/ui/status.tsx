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
  const steps = progress ? `${progress.done} of ${progress.total}` : text;
  return (
    <div class="ew-status" data-tone={tone} title={progress ? `${progress.label} ${steps}` : title}>
      <span class="ew-dot" aria-hidden="true" />
      <span class="ew-status-text">{steps}</span>
      {since != null && <Elapsed since={since} />}
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

function Elapsed({ since }: { since: number }) {
  const [now, setNow] = useState(() => performance.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(performance.now()), 200);
    return () => clearInterval(timer);
  }, []);
  if (now - since < SHOW_TIME_AFTER_MS) return null;
  return <span class="ew-elapsed">{((now - since) / 1000).toFixed(1)} s</span>;
}
