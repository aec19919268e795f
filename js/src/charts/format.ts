/** Numbers as people read them. */

const MINUS = "\u2212";

/** A share as a percentage: `19%`, `4.2%`, `<0.1%`, `−12%`; `–` for NaN. */
export function formatShare(share: number): string {
  if (Number.isNaN(share)) return "–";
  const size = Math.abs(share) * 100;
  const sign = share < 0 ? MINUS : "";
  if (size === 0) return "0%";
  if (size < 0.1) return `<0.1%`;
  if (size < 9.95) return `${sign}${size.toFixed(1)}%`;
  return `${sign}${Math.round(size)}%`;
}

/** A probability as a percentage; tiny ones as a power of ten: `71%`, `0.3%`, `4×10⁻⁶`. */
export function formatProbability(probability: number): string {
  if (Number.isNaN(probability)) return "–";
  if (probability === 0 || probability >= 0.001) return formatShare(probability);
  const exponent = Math.floor(Math.log10(probability));
  const digits = String(-exponent).replace(/\d/g, (digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹".charAt(Number(digit)));
  return `${(probability / 10 ** exponent).toFixed(0)}×10⁻${digits}`;
}

/** A probability as a percentage of fixed fineness: `71%`, `4.2%`, `0.25%`, `<0.01%`. */
export function formatPercent(probability: number): string {
  if (Number.isNaN(probability)) return "–";
  const percent = probability * 100;
  if (percent === 0) return "0%";
  if (percent < 0.01) return "<0.01%";
  if (percent < 0.995) return `${percent.toFixed(2)}%`;
  // What is not quite certain is not written as certain.
  if (percent < 9.95 || (percent >= 99.5 && percent < 99.95)) return `${percent.toFixed(1)}%`;
  return `${Math.round(percent)}%`;
}

/** A duration: `38 ms`, `1.2 s`, `2 min 5 s`. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds < 1) return "<1 ms";
  if (milliseconds < 999.5) return `${Math.round(milliseconds)} ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  if (seconds < 59.5) return `${Math.round(seconds)} s`;
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

/** A whole number with thin separators: `8,192`. */
export function formatCount(count: number): string {
  return String(Math.round(count)).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** A value with three significant digits, a true minus sign: `12.4`, `−0.031`. */
export function formatValue(value: number): string {
  if (Number.isNaN(value)) return "–";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : `${MINUS}∞`;
  return String(Number(value.toPrecision(3))).replace("-", MINUS);
}

/** A token's text in quotes, with what can't be seen made visible: `" Denmark"`, `"↵"`. */
export function quoteToken(text: string): string {
  const visible = text
    .replace(/\r?\n/g, "↵")
    .replace(/\t/g, "→")
    .replace(/[\p{Cc}\u00ad\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu, (c) => codePoint(c));
  return `"${visible}"`;
}

/** `U+200B` */
export function codePoint(character: string): string {
  return `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;
}
