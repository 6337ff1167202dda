/**
 * The numbered stream and what must come out of it. Event n is the line `k<n mod keys>,<n>,<base + n * stepMs>`;
 * everything is known exactly for every number of events, without looking at any system.
 */
export interface StreamShape {
  /** Number of keys. */
  readonly keys: number;
  /** Event time between two events, milliseconds. */
  readonly stepMs: number;
  /** Length of a window, milliseconds; the job's `--window-ms`. */
  readonly windowMs: number;
  /** Event time of event 0, milliseconds; the start of a window. */
  readonly base: number;
}

/** 10 keys, 10 ms, windows of 5 s: exactly 50 events per key and full window. */
export const SHAPE: StreamShape = { keys: 10, stepMs: 10, windowMs: 5000, base: Date.UTC(2026, 0, 1) };

/** One line of the sink. */
export interface WindowLine {
  readonly key: string;
  /** Event time, milliseconds. */
  readonly windowStart: number;
  readonly count: number;
  /** Sum of the counts of this key up to and with this window. */
  readonly total: number;
}

export const keyOf = (shape: StreamShape, n: number): string => `k${n % shape.keys}`;
export const timeOf = (shape: StreamShape, n: number): number => shape.base + n * shape.stepMs;
export const windowOf = (shape: StreamShape, n: number): number => {
  const time = timeOf(shape, n);
  return time - (time % shape.windowMs);
};

/** The record value of event n. */
export const eventLine = (shape: StreamShape, n: number): string =>
  `${keyOf(shape, n)},${n},${timeOf(shape, n)}`;

/** Key of the events that only move the watermark; their window never closes. */
export const END_KEY = 'end';

/** An event so far ahead that every window of `events` events closes. One per partition. */
export const endLine = (shape: StreamShape, events: number): string =>
  `${END_KEY},${events},${timeOf(shape, events) + 1000 * shape.windowMs}`;

export const nameOf = ({ key, windowStart }: Pick<WindowLine, 'key' | 'windowStart'>): string =>
  `${key}@${windowStart}`;

/** Every window that `events` events make, by {@link nameOf}, in order of their time. */
export function truthOf(shape: StreamShape, events: number): ReadonlyMap<string, WindowLine> {
  if (shape.base % shape.windowMs !== 0) throw new Error(`base ${shape.base} is not the start of a window`);
  const counts = new Map<string, { key: string; windowStart: number; count: number }>();
  for (let n = 0; n < events; n++) {
    const window = { key: keyOf(shape, n), windowStart: windowOf(shape, n) };
    const known = counts.get(nameOf(window));
    if (known === undefined) counts.set(nameOf(window), { ...window, count: 1 });
    else known.count++;
  }
  const totals = new Map<string, number>();
  const truth = new Map<string, WindowLine>();
  for (const [name, window] of counts) {
    const total = (totals.get(window.key) ?? 0) + window.count;
    totals.set(window.key, total);
    truth.set(name, { ...window, total });
  }
  return truth;
}

/** What the sink holds, compared with the truth. Windows are counted, not lines, except in `lines` and `repeated`. */
export interface WindowReport {
  readonly events: number;
  readonly expected: number;
  /** Expected windows of which at least one line is there. */
  readonly counted: number;
  readonly missing: number;
  /** Windows of which any line has a wrong count, even if another line is right: somebody has read it. */
  readonly wrongCounts: number;
  readonly wrongTotals: number;
  /** Lines beyond the first of a window: what an at-least-once sink repeats. */
  readonly repeated: number;
  /** Windows that nobody expected. */
  readonly unexpected: number;
  readonly lines: number;
  /** Sum of what the expected windows lack, by their lowest count; missing windows lack everything. */
  readonly undercounted: number;
  /** Up to ten deviations, readable. */
  readonly samples: readonly string[];
}

const SAMPLES = 10;

/** @param from only windows that start at or after it are compared (event time, milliseconds). Default: all. */
export function compare(
  shape: StreamShape,
  events: number,
  all: readonly WindowLine[],
  from = Number.NEGATIVE_INFINITY,
): WindowReport {
  const later = ({ windowStart }: WindowLine): boolean => windowStart >= from;
  const lines = all.filter(later);
  const truth = new Map([...truthOf(shape, events)].filter(([, window]) => later(window)));
  const found = new Map<string, WindowLine[]>();
  for (const line of lines) {
    const same = found.get(nameOf(line));
    if (same === undefined) found.set(nameOf(line), [line]);
    else same.push(line);
  }
  const samples: string[] = [];
  const note = (text: string): void => {
    if (samples.length < SAMPLES) samples.push(text);
  };
  let [counted, wrongCounts, wrongTotals, repeated, unexpected, undercounted] = [0, 0, 0, 0, 0, 0];
  for (const [name, same] of found) {
    repeated += same.length - 1;
    if (truth.has(name)) continue;
    unexpected++;
    note(`${name}: not expected`);
  }
  for (const [name, expected] of truth) {
    const same = found.get(name);
    if (same === undefined) {
      undercounted += expected.count;
      note(`${name}: missing`);
      continue;
    }
    counted++;
    undercounted += Math.max(0, expected.count - Math.min(...same.map(({ count }) => count)));
    const count = same.find((line) => line.count !== expected.count);
    const total = same.find((line) => line.total !== expected.total);
    if (count !== undefined) {
      wrongCounts++;
      note(`${name}: count ${count.count} instead of ${expected.count}`);
    }
    if (total !== undefined) {
      wrongTotals++;
      note(`${name}: total ${total.total} instead of ${expected.total}`);
    }
  }
  const missing = truth.size - counted;
  return {
    ...{ events, expected: truth.size, counted, missing, wrongCounts, wrongTotals, repeated, unexpected },
    ...{ lines: lines.length, undercounted, samples },
  };
}

/** The last window of each key: when the sink holds them, no earlier one of that key can still be on its way. */
export function lastWindows(shape: StreamShape, events: number): readonly string[] {
  const last = new Map<string, string>();
  for (const [name, { key }] of truthOf(shape, events)) last.set(key, name);
  return [...last.values()];
}
