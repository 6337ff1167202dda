/** Takes secrets out of whatever leaves the worker: results, failures, log lines. */

export interface Scrubber {
  text(text: string): string;
  /** A copy of plain data with every string scrubbed, keys included. */
  data<T>(value: T): T;
}

/** A shorter one would take single words out of every sentence; a real secret is longer. */
const SHORTEST = 4;
const MASK = '***';

/** @param secrets their revealed values, see `config/secrets.ts`. */
export function scrubber(secrets: readonly string[]): Scrubber {
  const spellings = new Set(secrets.filter((s) => s.length >= SHORTEST).flatMap(spellingsOf));
  const longestFirst = [...spellings].toSorted((a, b) => b.length - a.length);
  const text = (value: string): string =>
    longestFirst.reduce(
      (clean, secret) => (clean.includes(secret) ? clean.replaceAll(secret, MASK) : clean),
      value,
    );

  const data = (value: unknown): unknown => {
    if (typeof value === 'string') return text(value);
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) return value.map(data);
    return Object.fromEntries(Object.entries(value).map(([key, v]) => [text(key), data(v)]));
  };
  return { text, data: <T>(value: T) => (longestFirst.length === 0 ? value : (data(value) as T)) };
}

/** As it is, in a URL, in JSON, and in an Authorization header. */
function spellingsOf(secret: string): readonly string[] {
  return [
    secret,
    encodeURIComponent(secret),
    JSON.stringify(secret).slice(1, -1),
    Buffer.from(secret).toString('base64'),
  ];
}
