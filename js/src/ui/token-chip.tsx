/** A token in a sentence, a button or a heading. */
import { useLayoutEffect, useRef } from "preact/hooks";
import { writeToken } from "./token-text";

export function TokenText({ text, className = "" }: { text: string; className?: string }) {
  const target = useRef<HTMLSpanElement>(null);
  useLayoutEffect(() => {
    if (target.current) writeToken(target.current, text);
  }, [text]);
  return <span ref={target} class={`ew-token-text ${className}`} />;
}
