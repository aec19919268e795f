/** The parts of a view that tell how things stand: status, error banner, what is read out. */
import type { ReadonlySignal } from "@preact/signals-core";
import { useEffect, useState } from "preact/hooks";
import type { Connection } from "../../host/connection";
import type { Liveness } from "../../host/live-types";
import { Banner } from "../../ui/banner";
import { Status } from "../../ui/status";
import { useLasting, useValue } from "../../ui/use-value";
import { FADE_AFTER_MS } from "./fading";
import { statusLine } from "./status-line";

/** A summary is read out when the choice has rested this long. */
const ANNOUNCE_AFTER_MS = 600;

export interface LiveProps {
  store: Liveness & { readonly connection: Connection };
}

/** One quiet line at the end of the controls. */
export function StatusOf({ store, short }: LiveProps & { short: boolean }) {
  const phase = useValue(store.phase);
  const connection = useValue(store.connection.state);
  const outcome = useValue(store.outcome);
  const progress = useValue(store.progress);
  const lasting = useLasting(phase === "computing", FADE_AFTER_MS);
  const line = statusLine(
    { phase, connection, outcome, progress, since: store.since, lasting, short },
    { cancel: () => store.cancel(), retry: () => store.retry() },
  );
  return <Status {...line} />;
}

/** The banner of a problem that belongs to no single field. */
export function ProblemBanner({ store, about = ["widget"] }: LiveProps & { about?: readonly string[] }) {
  const problem = useValue(store.problem);
  if (!problem || !about.includes(problem.about)) return null;
  return (
    <Banner
      message={problem.message}
      hint={problem.hint}
      onRetry={() => store.retry()}
      onDismiss={() => store.dismissProblem()}
    />
  );
}

/** Reads a sentence out (to those who don't see the picture) when it has rested for a moment. */
export function Announcement({ text }: { text: ReadonlySignal<string> }) {
  const wanted = useValue(text);
  const [said, say] = useState("");
  useEffect(() => {
    if (!wanted) return;
    const timer = setTimeout(() => say(wanted), ANNOUNCE_AFTER_MS);
    return () => clearTimeout(timer);
  }, [wanted]);
  return (
    <div class="ew-unseen" aria-live="polite">
      {said}
    </div>
  );
}
