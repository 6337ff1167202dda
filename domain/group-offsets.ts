/** What Holdfast did to the committed offsets of a consumer group, and how to undo it. */
import type { Fault } from './failure.js';

export interface ResumedOffsets {
  readonly group: string | null;
  /** Partitions whose committed offset now equals the state's position. */
  readonly committed: number;
  /** What the group had before: `topic/partition=offset`, or `topic/partition=none`. Only what was changed, at most 1000. */
  readonly before: readonly string[];
  /** Why nothing or not everything was committed; null when all was. Never fails the attempt. */
  readonly left: string | null;
  readonly fault: Fault | null;
}

/** After a repeated step: what the group had before the first of them is what an undo goes back to. */
export function keepFirst(earlier: ResumedOffsets | null, now: ResumedOffsets): ResumedOffsets {
  if (earlier === null || earlier.group !== now.group) return now;
  const partitionOf = (text: string) => text.slice(0, text.lastIndexOf('='));
  const known = new Set(earlier.before.map(partitionOf));
  return { ...now, before: [...earlier.before, ...now.before.filter((b) => !known.has(partitionOf(b)))] };
}

/** `topic/partition=offset`; null: it is written in another way. */
export function readOffset(
  text: string,
): { readonly topic: string; readonly partition: number; readonly offset: string } | null {
  const [, topic, partition, offset] =
    /^([A-Za-z0-9._-]{1,249})\/(\d{1,9})=(\d{1,19}|none)$/.exec(text) ?? [];
  return topic === undefined || partition === undefined || offset === undefined
    ? null
    : { topic, partition: Number(partition), offset };
}

/**
 * The commands that give the group back what it had, for a shell; the group must have no members. Empty: nothing was
 * changed. The address of Kafka is the reader's: no endpoint leaves the worker.
 */
export function undoCommands({ group, before }: Pick<ResumedOffsets, 'group' | 'before'>): readonly string[] {
  if (group === null || before.length === 0) return [];
  const offsets = before.flatMap((text) => readOffset(text) ?? []);
  const had = offsets.filter((o) => o.offset !== 'none');
  const fresh = [...new Set(offsets.filter((o) => o.offset === 'none').map((o) => o.topic))].filter(
    (topic) => !had.some((o) => o.topic === topic),
  );
  const tool = `kafka-consumer-groups.sh --bootstrap-server … --group '${group.replaceAll("'", String.raw`'\''`)}'`;
  return [
    ...(had.length === 0
      ? []
      : [
          `printf '%s\\n' ${had.map((o) => `${o.topic},${o.partition},${o.offset}`).join(' ')} > undo.csv`,
          `${tool} --reset-offsets --from-file undo.csv --execute`,
        ]),
    ...fresh.map((topic) => `${tool} --delete-offsets --topic ${topic}`),
  ];
}
