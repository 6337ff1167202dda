import type { Call, Kafka, PartitionRange } from '../adapters/ports.js';
import { fault } from '../domain/failure.js';
import { compareOffsets, type LogRange, type OffsetCheck } from '../domain/offsets.js';
import { absent, present, unknown, type Reading } from '../domain/reading.js';
import { isConcrete, type KafkaPosition, type RestorePoint } from '../domain/restore-point.js';
import type { Deps } from './deps.js';
import { configuredJob } from './job.js';
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
  const { job } = configuredJob(deps, input.job);
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
  const compared = compareOffsets(
    positions,
    log.map((r): LogRange => ({
      topic: r.topic,
      partition: r.partition,
      start: r.start.toString(),
      end: r.end.toString(),
    })),
  );
  const expires = await firstExpiry(kafka, positions, log, deps.ports.clock.now(), call);
  if (expires.is === 'unknown') return expires;
  const sink = job.kafka.sink;
  const outageMs = input.point.time === null ? null : deps.ports.clock.now() - input.point.time;
  return present({
    ...compared,
    expires: expires.is === 'present' ? expires.value : null,
    transactions:
      sink?.guarantee === 'exactly-once' && outageMs !== null
        ? { outageMs, timeoutMs: sink.transactionTimeout }
        : null,
  });
}

/** When the first record that the restored job needs falls out of the topic's retention. */
async function firstExpiry(
  kafka: Kafka,
  positions: readonly KafkaPosition[],
  log: readonly PartitionRange[],
  now: number,
  call: Call,
): Promise<Reading<NonNullable<OffsetCheck['expires']>>> {
  let first: NonNullable<OffsetCheck['expires']> | null = null;
  for (const topic of new Set(log.map((r) => r.topic))) {
    const settings = await kafka.settings(topic, call);
    if (settings.is === 'unknown') return settings;
    if (settings.is === 'absent' || settings.value.compacted || settings.value.retentionMs === null) continue;
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
    if (times.is === 'absent')
      return unknown(fault('KafkaUnavailable', 'the topic vanished while it was looked at', topic));
    for (const { partition, time } of times.value) {
      if (time === null) continue;
      const inMs = time + settings.value.retentionMs - now;
      if (first === null || inMs < first.inMs) first = { topic, partition, inMs };
    }
  }
  return first === null ? absent : present(first);
}
