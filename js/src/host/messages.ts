/** Messages of the wire (docs/explanation/messages.md), as tagged unions. */
import { CodecError, decodeMessageData, isRecord } from "./codec";

export interface RequestEnvelope {
  readonly id: number;
  readonly channel: string;
  readonly name: string;
  readonly params: Readonly<Record<string, unknown>>;
}

export interface ErrorDescription {
  readonly kind: string;
  readonly message: string;
  readonly hint: string;
}

interface Answer {
  /** The request's id; null when the change came from Python or from background work. */
  readonly id: number | null;
  readonly channel: string;
}

export interface ResultMessage extends Answer {
  readonly kind: "result";
  readonly name: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly elapsedMs: number;
  readonly source: "computed" | "cache";
}

export interface ProgressMessage extends Answer {
  readonly kind: "progress";
  readonly done: number;
  readonly total: number;
  readonly label: string;
}

export interface ErrorMessage extends Answer {
  readonly kind: "error";
  readonly error: ErrorDescription;
  /** The kernel's current values of the traits named in the refused request. */
  readonly state: Readonly<Record<string, unknown>>;
}

export interface PlainMessage extends Answer {
  readonly kind: "superseded" | "cancelled" | "computing";
}

export type KernelMessage = ResultMessage | ProgressMessage | ErrorMessage | PlainMessage;

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function finite(value: unknown): number {
  return typeof value === "number" && Number.isFinite(value) ? value : 0;
}

/**
 * Reads a custom message.
 *
 * @returns null for what is not (or not yet) ours: other libraries may share the comm, later kernels may say more.
 * @throws CodecError when a message of ours carries bytes that don't fit.
 */
export function parseMessage(content: unknown, buffers: readonly unknown[] = []): KernelMessage | null {
  if (!isRecord(content)) return null;
  const id = Number.isSafeInteger(content.id) ? (content.id as number) : null;
  const answer: Answer = { id, channel: text(content.channel) };
  switch (content.kind) {
    case "result": {
      const data = decodeMessageData(content.data ?? {}, buffers);
      if (!isRecord(data)) throw new CodecError(`data of a result must be an object, got ${typeof content.data}`);
      const source = content.source === "cache" ? "cache" : "computed";
      return {
        ...answer,
        kind: "result",
        name: text(content.name),
        data,
        elapsedMs: finite(content.elapsed_ms),
        source,
      };
    }
    case "progress": {
      const { done, total, label } = content;
      return { ...answer, kind: "progress", done: finite(done), total: finite(total), label: text(label) };
    }
    case "error": {
      const error = isRecord(content.error) ? content.error : {};
      const state = isRecord(content.state) ? content.state : {};
      const description = {
        kind: text(error.kind) || "error",
        message: text(error.message) || "The kernel reported an error without a message.",
        hint: text(error.hint),
      };
      return { ...answer, kind: "error", error: description, state };
    }
    case "superseded":
    case "cancelled":
    case "computing":
      return { ...answer, kind: content.kind };
    default:
      return null;
  }
}
