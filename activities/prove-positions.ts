import { isDeepStrictEqual } from 'node:util';
import type { Call, Kafka, PartitionRange } from '../adapters/ports.js';
import type { OffsetCheck } from '../domain/offsets.js';
import type { RunId } from '../domain/ids.js';
import { absent, present, type Reading } from '../domain/reading.js';
import { isConcrete, type KafkaPosition } from '../domain/restore-point.js';
import {
  skippedRecords,
  standingStill,
  type Continued,
  type Skipped,
  type SkippedRange,
  type SourceCount,
} from '../domain/skipped.js';
import type { Deps } from './deps.js';
import type { ConfiguredJob } from './job.js';
import { positionsIn } from './read-state.js';

/** Flink fetches its metrics every ten seconds by default: after two fetches what still stands is of another dump. */
const ANOTHER_DUMP = 20_000;
/** After three, nothing better is waited for (milliseconds, as above). */
const COUNTED_WITHIN = 30_000;

/** Ranges that one result names. */
const MOST_SHOWN = 100;

/** Whether a run went on where it should, as far as one look can tell. */
export interface PositionsProof {
  /** The first thing that is not proved yet, in words; null: it is proved. */
  readonly missing: string | null;
  /** Records that existed and were not read. */
  readonly skipped: readonly SkippedRange[];
  readonly proofs: readonly string[];
  /** Flink is about to count what was read: nothing is overdue meanwhile. */
  readonly counting?: boolean;
}

/** Looks at the positions of one run again and again, until they prove it. */
export interface PositionsWatch {
  /** Remembers how far the log goes before the run has read on. */
  begin(): Promise<void>;
  /** @param newer path of the newer checkpoint; @param own the run still has the state that it was submitted with */
  look(newer: string, own: boolean): Promise<PositionsProof>;
}

/** Where the run had to go on. */
export interface Expected {
  readonly positions: () => Promise<Reading<readonly KafkaPosition[]>>;
  /** Where they come from, for people: a path. */
  readonly named: string;
  /** Records that were known to be gone before the submission. */
  readonly gone: OffsetCheck['gone'];
  /** Nothing but Kafka told the run where to begin: it may have begun anywhere, in whichever source. */
  readonly anySource?: boolean;
}

const notYet = (missing: string): PositionsProof => ({ missing, skipped: [], proofs: [] });
/** Two sources of one job may read the same partition: each has its own position. */
const sourceKey = (p: KafkaPosition): string => `${p.operatorId} ${p.topic}/${p.partition}`;
const partitionKey = (p: { readonly topic: string; readonly partition: number }): string =>
  `${p.topic}/${p.partition}`;

type Log = ReadonlyMap<string, PartitionRange>;

export function watchPositions(
  deps: Deps,
  it: ConfiguredJob,
  run: RunId,
  expected: Expected,
  call: Call,
): PositionsWatch {
  const { clock } = deps.ports;
  const kafka = it.job.kafka === null ? null : deps.ports.kafka(it.job.kafka.cluster);
  const free = expected.anySource === true;
  const keyIn = free ? partitionKey : sourceKey;
  const gone = new Map(expected.gone.map((g) => [partitionKey(g), g.records]));
  let restored: readonly KafkaPosition[] | null = null;
  /** The log ends as early as they were seen. */
  let before: Log | null = null;
  let compacted: ReadonlySet<string> | null = null;
  let countingSince: number | null = null;
  /** What was counted, by dump. */
  const counts: { readonly count: SourceCount; readonly at: number }[] = [];
  /** Each partition as it was first seen to have moved: what the log loses after that was read before. */
  const moved = new Map<string, Continued>();

  return {
    async begin() {
      if (kafka === null || before !== null) return;
      restored ??= await valueOf(expected.positions());
      if (restored === null) return;
      const topics = [...new Set(restored.filter((p) => isConcrete(p.next)).map((p) => p.topic))];
      before = await valueOf(logOf(kafka, topics, call));
    },
    async look(newer, own) {
      restored ??= await valueOf(expected.positions());
      if (restored === null) return notYet(`the positions in ${expected.named} cannot be read now`);
      const reached = await valueOf(positionsIn(deps, newer, call));
      if (reached === null) return notYet(`the positions in ${newer} cannot be read now`);
      const concrete = restored.filter((p) => isConcrete(p.next));
      const after = new Map(reached.map((p) => [keyIn(p), p.next]));
      // A partition of which nothing was read yet still has the mark where to begin.
      if (free)
        for (const p of concrete) {
          const next = after.get(keyIn(p));
          if (next !== undefined && !isConcrete(next)) after.set(keyIn(p), p.next);
        }
      const lacks = concrete.find((p) => !isConcrete(after.get(keyIn(p)) ?? ''));
      if (lacks !== undefined) return notYet(`${partitionKey(lacks)} has no position in ${newer}`);
      const back = (p: KafkaPosition) => BigInt(after.get(keyIn(p)) ?? p.next) < BigInt(p.next);
      if (kafka === null) {
        const one = concrete.find(back);
        if (one !== undefined) return notYet(wentBack(one, after.get(keyIn(one)) ?? ''));
        return {
          missing: null,
          skipped: [],
          proofs: ['its Kafka positions continue from the restored ones'],
        };
      }
      if (concrete.length === 0) return { missing: null, skipped: [], proofs: [] };

      const topics = [...new Set(concrete.map((p) => p.topic))];
      const log = await logOf(kafka, topics, call);
      if (log.is === 'unknown') return notYet(`Kafka cannot be asked what it holds: ${log.because.message}`);
      const now = log.is === 'present' ? log.value : new Map<string, PartitionRange>();
      before ??= now;
      const lost = concrete.find((p) => !now.has(partitionKey(p)));
      if (lost !== undefined) return notYet(`${partitionKey(lost)} does not exist in Kafka`);
      const beyond = (p: KafkaPosition) => BigInt(p.next) > (before?.get(partitionKey(p))?.end ?? 0n);
      const one = concrete.find((p) => back(p) && !beyond(p));
      if (one !== undefined) return notYet(wentBack(one, after.get(keyIn(one)) ?? ''));

      if (compacted === null) {
        const found = await compactedOf(kafka, topics, call);
        if (found.is !== 'present') return notYet('Kafka does not tell the settings of the topics');
        compacted = found.value;
      }
      const firsts = await firstRecords(kafka, concrete, now, call);
      if (firsts === null) return notYet('Kafka does not tell what follows the positions');
      const partitions = concrete.map((p): Continued => {
        const key = partitionKey(p);
        const range = now.get(key);
        const [start, end] = [range?.start ?? 0n, range?.end ?? 0n];
        const seen: Continued = {
          topic: p.topic,
          partition: p.partition,
          from: p.next,
          reached: after.get(keyIn(p)) ?? p.next,
          log: { start: start.toString(), end: end.toString() },
          endBefore: (before?.get(key)?.end ?? end).toString(),
          gone: gone.get(key) ?? '0',
          free,
          sparse: compacted?.has(p.topic) === true || firsts.get(key)?.transactional === true,
        };
        const first = moved.get(keyIn(p)) ?? seen;
        if (first.reached !== first.from) moved.set(keyIn(p), first);
        return first;
      });
      const still = standingStill(
        partitions.filter((p) => {
          const first = firsts.get(partitionKey(p));
          return first !== undefined && first.record && !first.transactional;
        }),
      );
      if (still !== null) return notYet(still);

      if (own) await countOnce(topics);
      const found = skippedRecords(
        partitions,
        counts.map(({ count }) => count),
      );
      if ((found.ranges.length > 0 || free) && !found.exact && own) {
        countingSince ??= clock.now();
        if (clock.now() - countingSince < COUNTED_WITHIN)
          return {
            ...notYet('waiting for Flink to count what was read'),
            counting: true,
          };
      }
      return { missing: null, skipped: found.ranges.slice(0, MOST_SHOWN), proofs: proofsOf(found) };
    },
  };

  async function countOnce(topics: readonly string[]): Promise<void> {
    const counted = await valueOf(deps.ports.flink(it.clusterName).sourceCount(run, topics, call));
    if (counted === null) return;
    const read = counted.read.toString();
    const positions = counted.positions.map(({ topic, partition, offset }) => ({
      topic,
      partition,
      next: offset.toString(),
    }));
    const last = counts.at(-1);
    const same = last !== undefined && isDeepStrictEqual(last.count, { read, positions });
    if (!same || clock.now() - last.at >= ANOTHER_DUMP)
      counts.push({ count: { read, positions }, at: clock.now() });
  }
}

const wentBack = (p: KafkaPosition, to: string): string =>
  `${partitionKey(p)} went back from ${p.next} to ${to}`;

async function valueOf<T>(reading: Promise<Reading<T>>): Promise<T | null> {
  const read = await reading;
  return read.is === 'present' ? read.value : null;
}

function proofsOf(found: Skipped): readonly string[] {
  const held =
    found.ranges.length === 0
      ? ['its Kafka positions continue from the restored ones, and Kafka still holds every record since']
      : ['its Kafka positions continue after the restored ones'];
  const rest = found.ranges.length - MOST_SHOWN;
  return [
    ...held,
    ...(found.sum === null ? [] : [found.sum]),
    ...(rest > 0 ? [`${rest} more partitions skipped records`] : []),
  ];
}

async function logOf(kafka: Kafka, topics: readonly string[], call: Call): Promise<Reading<Log>> {
  const log = new Map<string, PartitionRange>();
  for (const topic of topics) {
    const ranges = await kafka.ranges(topic, call);
    if (ranges.is === 'unknown') return ranges;
    if (ranges.is === 'present') for (const range of ranges.value) log.set(partitionKey(range), range);
  }
  return present(log);
}

async function compactedOf(
  kafka: Kafka,
  topics: readonly string[],
  call: Call,
): Promise<Reading<ReadonlySet<string>>> {
  const compacted = new Set<string>();
  for (const topic of topics) {
    const settings = await kafka.settings(topic, call);
    if (settings.is === 'unknown') return settings;
    if (settings.is === 'absent') return absent;
    if (settings.value.compacted) compacted.add(topic);
  }
  return present(compacted);
}

/** Of each partition with more log than its position: whether a record follows, and how it was written. */
async function firstRecords(
  kafka: Kafka,
  positions: readonly KafkaPosition[],
  log: Log,
  call: Call,
): Promise<ReadonlyMap<string, { readonly record: boolean; readonly transactional: boolean }> | null> {
  const needed = positions.flatMap((p) => {
    const range = log.get(partitionKey(p));
    if (range === undefined) return [];
    const offset = BigInt(p.next) < range.start ? range.start : BigInt(p.next);
    return offset < range.end ? [{ topic: p.topic, partition: p.partition, offset }] : [];
  });
  const once = needed.filter((n, i) => needed.findIndex((o) => partitionKey(o) === partitionKey(n)) === i);
  if (once.length === 0) return new Map();
  const records = await kafka.timestamps(once, call);
  if (records.is !== 'present') return null;
  return new Map(
    records.value.map((r) => [partitionKey(r), { record: r.time !== null, transactional: r.transactional }]),
  );
}
