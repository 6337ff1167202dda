/** Does Kafka still hold the records after a restore point? */
import { isConcrete, type KafkaPosition } from './restore-point.js';

/** One partition of the log as it is now. Offsets as decimal strings. */
export interface LogRange {
  readonly topic: string;
  readonly partition: number;
  readonly start: string;
  readonly end: string;
}

export interface OffsetCheck {
  /** Partitions in which records between the position and the log start are gone. */
  readonly gone: readonly { readonly topic: string; readonly partition: number; readonly records: string }[];
  /** Why the log is not the one the positions were taken from; empty: nothing speaks against it. */
  readonly replaced: readonly string[];
  /** Partitions with a concrete position that is in range. */
  readonly inRange: number;
  /** Positions that are markers: Flink resolves them when it starts. */
  readonly markers: number;
  /** Partitions that exist now and have no position: added since. */
  readonly added: number;
  /** Records from the positions to the log end, decimal. */
  readonly toReplay: string;
  /** How long until the first needed record expires; null: it does not, or nothing is needed. */
  readonly expires: { readonly topic: string; readonly partition: number; readonly inMs: number } | null;
  /** Exactly-once sink: the outage against its transaction timeout, both in milliseconds. */
  readonly transactions: { readonly outageMs: number; readonly timeoutMs: number } | null;
}

/** Compares positions with the log. Pure; `expires` and `transactions` are added by whoever can look at clocks. */
export function compareOffsets(
  positions: readonly KafkaPosition[],
  log: readonly LogRange[],
): Omit<OffsetCheck, 'expires' | 'transactions'> {
  const ranges = new Map(log.map((r) => [`${r.topic}/${r.partition}`, r]));
  const gone: { topic: string; partition: number; records: string }[] = [];
  const replaced: string[] = [];
  let inRange = 0;
  let markers = 0;
  let toReplay = 0n;
  const seen = new Set<string>();
  for (const p of positions) {
    const key = `${p.topic}/${p.partition}`;
    seen.add(key);
    if (!isConcrete(p.next)) {
      markers++;
      continue;
    }
    const range = ranges.get(key);
    if (range === undefined) {
      replaced.push(`${key}: the state holds position ${p.next}, the topic has no such partition`);
      continue;
    }
    const [next, start, end] = [BigInt(p.next), BigInt(range.start), BigInt(range.end)];
    if (next > end) replaced.push(`${key}: the state continues at ${next}, the log ends at ${end}`);
    else if (next < start)
      gone.push({ topic: p.topic, partition: p.partition, records: (start - next).toString() });
    else inRange++;
    if (next < end) toReplay += end - (next > start ? next : start);
  }
  const added = log.filter((r) => !seen.has(`${r.topic}/${r.partition}`)).length;
  return { gone, replaced, inRange, markers, added, toReplay: toReplay.toString() };
}
