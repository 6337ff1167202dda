/** Durations as people write them: `500ms`, `5s`, `2m`, `1h`, `7d`, also joined (`1h30m`). */

const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const WHOLE = /^(\d+(\.\d+)?(ms|s|m|h|d))+$/;
const PART = /(\d+(?:\.\d+)?)(ms|s|m|h|d)/g;

/** Milliseconds, rounded; null when the text is not a duration. */
export function parseDuration(text: string): number | null {
  if (!WHOLE.test(text)) return null;
  let sum = 0;
  for (const [, amount, unit] of text.matchAll(PART))
    sum += Number(amount) * UNITS[unit as keyof typeof UNITS];
  return Number.isFinite(sum) ? Math.round(sum) : null;
}

/** The shortest spelling of a number of milliseconds: `90s` is `1m30s`. */
export function formatDuration(ms: number): string {
  let rest = Math.max(0, Math.round(ms));
  let text = '';
  for (const unit of ['d', 'h', 'm', 's', 'ms'] as const) {
    const count = Math.floor(rest / UNITS[unit]);
    rest -= count * UNITS[unit];
    if (count > 0) text += `${count}${unit}`;
  }
  return text === '' ? '0s' : text;
}
