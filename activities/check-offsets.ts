import type { Call, GroupState, Kafka, PartitionRange } from '../adapters/ports.js';
import { fault } from '../domain/failure.js';
import {
  compareOffsets,
  contradictions,
  extendCommand,
  notesOn,
  type LogRange,
  type OffsetCheck,
  type TopicLimits,
  type Witnesses,
} from '../domain/offsets.js';
import { absent, present, unknown, type Reading } from '../domain/reading.js';
import { isConcrete, type KafkaPosition, type RestorePoint } from '../domain/restore-point.js';
import type { Deps } from './deps.js';
import { configuredJob, type ConfiguredJob } from './job.js';
import { quickLook } from './quick-look.js';
import { positionsIn } from './read-state.js';

export interface CheckOffsetsInput {
  readonly job: string;
  readonly point: RestorePoint;
}

/** Positions of the state against the log as it is now. `absent`: nothing to check. */
export async function checkOffsets(
  deps: Deps,
  input: CheckOffsetsInput,
  signal: AbortSignal,
): Promise<Reading<OffsetCheck>> {
  const it = configuredJob(deps, input.job);
  const { job } = it;
  if (job.kafka === null) return absent;
  const call: Call = { signal };
  const read = await positionsIn(deps, input.point.path, quickLook(call));
  if (read.is === 'unknown') return read;
  const positions = read.is === 'present' ? read.value : [];
  if (positions.length === 0) return absent;
  const kafka = deps.ports.kafka(job.kafka.cluster);
  const log: PartitionRange[] = [];
  for (const topic of [...new Set(positions.map((p) => p.topic))]) {
    const ranges = await kafka.ranges(topic, call);
    if (ranges.is === 'unknown') return ranges;
    if (ranges.is === 'present') log.push(...ranges.value);
  }
  const ranges = log.map((r): LogRange => ({
    topic: r.topic,
    partition: r.partition,
    start: r.start.toString(),
    end: r.end.toString(),
  }));
  const compared = compareOffsets(positions, ranges);
  const limits = await limitsOf(kafka, log, call);
  if (limits.is !== 'present') return limits;
  const now = deps.ports.clock.now();
  const expires = await firstExpiry(kafka, positions, log, limits.value, now, call);
  if (expires.is === 'unknown') return expires;
  const lastRead = await lastRecords(kafka, positions, log, limits.value, call);
  if (lastRead.is !== 'present') return lastRead;
  const group = await groupOf(kafka, job.kafka.group, log, call);
  const contradicted = contradictions(ranges, {
    committed: (group?.offsets ?? []).map((o) => ({ ...o, offset: o.offset.toString() })),
    lastRead: lastRead.value,
    takenAt: input.point.time,
    now,
  });
  const notes = notesOn(positions, ranges, limits.value);
  return present({
    ...compared,
    replaced: [...compared.replaced, ...contradicted],
    expires: expires.is === 'present' ? expires.value : null,
    transactions: await transactionsOf(deps, it, input.point, now, call),
    notes,
    ...(group !== null && isInLine(group, positions) ? { groupInLine: true } : {}),
  });
}

/** How long the oldest transaction that the state is to commit is open: it was begun with the checkpoint before. */
async function transactionsOf(
  deps: Deps,
  { job, clusterName }: ConfiguredJob,
  point: RestorePoint,
  now: number,
  call: Call,
): Promise<OffsetCheck['transactions']> {
  const sink = job.kafka?.sink ?? null;
  if (sink?.guarantee !== 'exactly-once' || point.time === null) return null;
  const config =
    point.run === null ? absent : await deps.ports.flink(clusterName).checkpointConfig(point.run, call);
  const interval = config.is === 'present' ? config.value.interval : 0;
  return { outageMs: now - point.time + interval, timeoutMs: sink.transactionTimeout };
}

async function limitsOf(
  kafka: Kafka,
  log: readonly PartitionRange[],
  call: Call,
): Promise<Reading<readonly TopicLimits[]>> {
  const limits: TopicLimits[] = [];
  for (const topic of new Set(log.map((r) => r.topic))) {
    const settings = await kafka.settings(topic, call);
    if (settings.is === 'unknown') return settings;
    if (settings.is === 'absent') return unknown(vanished(topic));
    limits.push({ topic, ...settings.value });
  }
  return present(limits);
}

const vanished = (topic: string) =>
  fault('KafkaUnavailable', 'the topic vanished while it was looked at', topic);

/** The record just before each position. Compaction may have taken it: then the next one says nothing. */
async function lastRecords(
  kafka: Kafka,
  positions: readonly KafkaPosition[],
  log: readonly PartitionRange[],
  limits: readonly TopicLimits[],
  call: Call,
): Promise<Reading<Witnesses['lastRead']>> {
  const compacted = new Set(limits.filter((l) => l.compacted).map((l) => l.topic));
  const before = positions.flatMap((p) => {
    const range = log.find((r) => r.topic === p.topic && r.partition === p.partition);
    if (range === undefined || !isConcrete(p.next) || compacted.has(p.topic)) return [];
    const offset = BigInt(p.next) - 1n;
    return offset >= range.start && offset < range.end
      ? [{ topic: p.topic, partition: p.partition, offset }]
      : [];
  });
  if (before.length === 0) return present([]);
  const at = await kafka.timestamps(before, call);
  if (at.is === 'unknown') return at;
  if (at.is === 'absent') return unknown(vanished(before[0]?.topic ?? ''));
  return present(
    at.value.flatMap(({ topic, partition, time }) => (time === null ? [] : [{ topic, partition, time }])),
  );
}

/** A group that cannot be looked at is no witness; the positions alone are compared then. */
async function groupOf(
  kafka: Kafka,
  group: string | null,
  log: readonly PartitionRange[],
  call: Call,
): Promise<GroupState | null> {
  if (group === null || log.length === 0) return null;
  const state = await kafka.group(group, [...new Set(log.map((r) => r.topic))], call);
  return state.is === 'present' ? state.value : null;
}

/** Nobody is in the group, and it has committed exactly the positions. */
export function isInLine({ members, offsets }: GroupState, positions: readonly KafkaPosition[]): boolean {
  const has = new Map(offsets.map((o) => [`${o.topic}/${o.partition}`, o.offset.toString()]));
  const concrete = positions.filter((p) => isConcrete(p.next));
  return (
    members === 0 &&
    concrete.length > 0 &&
    concrete.every((p) => has.get(`${p.topic}/${p.partition}`) === BigInt(p.next).toString())
  );
}

/** When the first record that the restored job needs falls out of the topic's retention. */
async function firstExpiry(
  kafka: Kafka,
  positions: readonly KafkaPosition[],
  log: readonly PartitionRange[],
  limits: readonly TopicLimits[],
  now: number,
  call: Call,
): Promise<Reading<NonNullable<OffsetCheck['expires']>>> {
  let first: NonNullable<OffsetCheck['expires']> | null = null;
  for (const of of limits) {
    const { topic, retentionMs } = of;
    if (retentionMs === null) continue;
    const needed = positions.flatMap((p) => {
      const range = log.find((r) => r.topic === p.topic && r.partition === p.partition);
      if (p.topic !== topic || range === undefined || !isConcrete(p.next) || BigInt(p.next) >= range.end)
        return [];
      return [
        {
          topic,
          partition: p.partition,
          offset: BigInt(p.next) < range.start ? range.start : BigInt(p.next),
        },
      ];
    });
    if (needed.length === 0) continue;
    const times = await kafka.timestamps(needed, call);
    if (times.is === 'unknown') return times;
    if (times.is === 'absent') return unknown(vanished(topic));
    for (const { partition, time } of times.value) {
      if (time === null) continue;
      const inMs = time + retentionMs - now;
      if (first === null || inMs < first.inMs) first = { topic, partition, inMs, extend: extendCommand(of) };
    }
  }
  return first === null ? absent : present(first);
}
