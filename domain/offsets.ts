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
  readonly expires: {
    readonly topic: string;
    readonly partition: number;
    readonly inMs: number;
    /** The command that gives it more time. */
    readonly extend?: string;
  } | null;
  /**
   * Exactly-once sink: how long the oldest transaction that the state is to commit is open, against its timeout, both in
   * milliseconds.
   */
  readonly transactions: { readonly outageMs: number; readonly timeoutMs: number } | null;
  /** What else people should know, one sentence each. Left out: nothing. */
  readonly notes?: readonly string[];
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

/** Settings of a topic, as far as they say what stays in its log. */
export interface TopicLimits {
  readonly topic: string;
  /** Milliseconds; null: unlimited. */
  readonly retentionMs: number | null;
  /** Bytes per partition; null: unlimited. */
  readonly retentionBytes: number | null;
  readonly compacted: boolean;
}

/** What a broker remembers that a log which is still the same cannot contradict. */
export interface Witnesses {
  /** Offsets that the consumer group has committed. */
  readonly committed: readonly {
    readonly topic: string;
    readonly partition: number;
    readonly offset: string;
  }[];
  /** Times (epoch milliseconds) of the record just before a position: the last one that the state contains. */
  readonly lastRead: readonly { readonly topic: string; readonly partition: number; readonly time: number }[];
  /** When the state was taken; null: not known. */
  readonly takenAt: number | null;
  /** Epoch milliseconds. */
  readonly now: number;
}

/** A source may go on reading for as long as Flink's default checkpoint timeout after a checkpoint was triggered. */
const WHILE_TAKEN = 10 * 60_000;

/**
 * Why the log cannot be the one that the positions were taken from although every position is in range: it ended
 * further on once, or the last record that the state contains is younger than the state. A time in the future is the
 * producer's own and says nothing.
 */
export function contradictions(log: readonly LogRange[], seen: Witnesses): readonly string[] {
  const ends = new Map(log.map((r) => [`${r.topic}/${r.partition}`, r.end]));
  const backwards = seen.committed.flatMap(({ topic, partition, offset }) => {
    const end = ends.get(`${topic}/${partition}`);
    return end === undefined || BigInt(offset) <= BigInt(end)
      ? []
      : [`${topic}/${partition}: the consumer group was at ${offset} once, the log ends at ${end}`];
  });
  const { takenAt } = seen;
  const younger =
    takenAt === null
      ? []
      : seen.lastRead
          .filter(({ time }) => time > takenAt + WHILE_TAKEN && time <= seen.now)
          .map(
            ({ topic, partition, time }) =>
              `${topic}/${partition}: the last record that the state contains is of ${new Date(time).toISOString()}, the state was taken at ${new Date(takenAt).toISOString()}`,
          );
  return [...backwards, ...younger];
}

const DAY = 86_400_000;

/** The command that gives the records of a topic more time: at least a day, and at least as much again. */
export function extendCommand(limits: TopicLimits): string {
  const { topic, retentionMs, retentionBytes } = limits;
  const settings = [
    ...(retentionMs === null ? [] : [`retention.ms=${retentionMs + Math.max(DAY, retentionMs)}`]),
    ...(retentionBytes === null ? [] : ['retention.bytes=-1']),
  ];
  return `kafka-configs.sh --bootstrap-server … --alter --entity-type topics --entity-name ${topic} --add-config ${settings.join(',')}`;
}

const MOST_NAMED = 5;
const named = (of: readonly { readonly topic: string; readonly partition: number }[]): string => {
  const shown = of.slice(0, MOST_NAMED).map((p) => `${p.topic}/${p.partition}`);
  return of.length > MOST_NAMED ? `${shown.join(', ')} and ${of.length - MOST_NAMED} more` : shown.join(', ');
};

/** What people should know besides: where Flink itself decides where it reads on, and what cannot be told. */
export function notesOn(
  positions: readonly KafkaPosition[],
  log: readonly LogRange[],
  limits: readonly TopicLimits[],
): readonly string[] {
  const notes: string[] = [];
  const known = new Set(positions.map((p) => `${p.topic}/${p.partition}`));
  const added = log.filter((r) => !known.has(`${r.topic}/${r.partition}`));
  if (added.length > 0)
    notes.push(
      `${named(added)}: added since, without a position. Flink reads them from their start; a KafkaSource before connector 3.1 where its own starting offsets say`,
    );
  const latest = positions.filter((p) => p.next === 'latest');
  if (latest.length > 0)
    notes.push(
      `${named(latest)}: to be read from the end at the restore; what was written before is skipped`,
    );
  const committed = positions.filter((p) => p.next === 'committed');
  if (committed.length > 0)
    notes.push(`${named(committed)}: to be read from where the consumer group stands`);
  for (const { topic, compacted, retentionBytes, ...rest } of limits) {
    if (compacted)
      notes.push(
        `${topic} is compacted: offsets without a record are no loss, and numbers of records are at most`,
      );
    if (retentionBytes !== null)
      notes.push(
        `${topic} also drops records by size (retention.bytes ${retentionBytes}): how long they stay is not known. To keep them: ${extendCommand({ topic, compacted, retentionBytes, ...rest })}`,
      );
  }
  return notes;
}

/**
 * What may be missing at an exactly-once sink after this restore, one sentence; null: nothing. Whoever accepts it, a
 * person or the policy, it becomes part of the record.
 */
export function expiredTransactions(check: OffsetCheck, takenAt: number | null): string | null {
  const t = check.transactions;
  if (t === null || t.outageMs <= t.timeoutMs) return null;
  const at = takenAt === null ? 'the restore point' : new Date(takenAt).toISOString();
  return `results that the sink had written in the checkpoint interval before ${at} may be missing: their transaction was open for ${t.outageMs} ms, it expires after ${t.timeoutMs} ms`;
}
