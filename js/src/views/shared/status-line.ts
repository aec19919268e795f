/** What the status says in each situation. */
import { formatDuration } from "../../charts/format";
import type { ConnectionState } from "../../host/connection";
import type { Outcome, Phase, Progress } from "../../host/live-types";
import type { StatusProps } from "../../ui/status";

export interface Situation {
  readonly phase: Phase;
  readonly connection: ConnectionState;
  readonly outcome: Outcome | null;
  readonly progress: Progress | null;
  readonly since: number;
  /** The work has lasted long enough to be mentioned. */
  readonly lasting: boolean;
  /** There is little room. */
  readonly short: boolean;
}

export interface StatusActions {
  cancel(): void;
  retry(): void;
}

function outcomeText(outcome: Outcome | null, short: boolean): string {
  if (!outcome) return "ready";
  if (outcome.source !== "computed") return "cached";
  return `${short ? "" : "computed in "}${formatDuration(outcome.elapsedMs)}`;
}

function outcomeTitle(outcome: Outcome | null): string {
  if (outcome?.source === "local") return "it was in the page already";
  if (outcome?.source === "cache") return `from the kernel's cache in ${formatDuration(outcome.elapsedMs)}`;
  return outcome ? `computed in ${formatDuration(outcome.elapsedMs)}` : "";
}

export function statusLine(situation: Situation, actions: StatusActions): StatusProps {
  const { phase, connection, outcome, progress, since, lasting, short } = situation;
  if (connection === "offline") {
    return {
      tone: "idle",
      text: "not live",
      title: "There is no kernel behind this page: it shows what was saved.",
    };
  }
  if (connection === "lost") {
    return {
      tone: "idle",
      text: short ? "not live" : "not live: kernel gone",
      title: "The kernel was restarted or shut down. Run the cell again to bring the widget back to life.",
    };
  }
  if (connection === "waiting") {
    return {
      tone: "warn",
      text: short ? "waiting" : "waiting for the kernel",
      title: "It has not answered yet: it is starting, or runs a cell.",
    };
  }
  if (phase === "computing" && lasting) {
    return { tone: "busy", text: "computing", progress, since, action: { label: "cancel", run: actions.cancel } };
  }
  if (phase === "stale") {
    return {
      tone: "warn",
      text: "stale",
      title: "What is drawn belongs to another choice than the one that is shown.",
      action: { label: "compute", run: actions.retry },
    };
  }
  if (phase === "error") return { tone: "bad", text: "error" };
  return { tone: "good", text: outcomeText(outcome, short), title: outcomeTitle(outcome) };
}
