import type { KeyedHandle, Snapshot } from './snapshot.js';

/** Release lines, in order. */
const LINES = [
  '1.3',
  '1.4',
  '1.5',
  '1.6',
  '1.7',
  '1.8',
  '1.9',
  '1.10',
  '1.11',
  '1.12',
  '1.13',
  '1.14',
  '1.15',
  '1.16',
  '1.17',
  '1.18',
  '1.19',
  '1.20',
  '2.0',
  '2.1',
  '2.2',
  '2.3',
] as const;

type Line = (typeof LINES)[number];

/** Which Flink can have written a snapshot: the format gives a range, what is in it narrows the range from below. */
export function writtenBy(snapshot: Pick<Snapshot, 'formatVersion' | 'layout' | 'operators'>): string {
  if (snapshot.layout === '1.14') return 'Flink 1.14';
  if (snapshot.layout === '1.11') return 'Flink 1.11';
  const last = lastOf(snapshot.formatVersion);
  if (last === undefined) return 'a Flink newer than 2.3';
  let first = LINES.indexOf(firstOf(snapshot.formatVersion));
  const since = (line: Line): void => {
    first = Math.max(first, LINES.indexOf(line));
  };
  const keyed = (handle: KeyedHandle): void => {
    if (handle.kind === 'savepointKeyGroups') since('1.13');
    else if (handle.stateHandleId !== null) since('1.15');
    if (handle.kind === 'changelog') handle.materialized.forEach(keyed);
  };
  for (const { fullyFinished, subtasks } of snapshot.operators) {
    if (fullyFinished) since('1.14');
    for (const subtask of subtasks) {
      if (subtask.finished) since('1.14');
      // Only the newest layout of channel handles carries the subtask.
      if (subtask.inputChannels.length + subtask.resultSubpartitions.length > 0) since('1.12');
      if (subtask.managedOperator.some(({ kind }) => kind === 'operatorFileMerging')) since('1.20');
      subtask.managedKeyed.forEach(keyed);
      subtask.rawKeyed.forEach(keyed);
    }
  }
  const from = LINES[Math.min(first, LINES.indexOf(last))] ?? last;
  return from === last ? `Flink ${last}` : `Flink ${from} to ${last}`;
}

const firstOf = (format: number | null): Line =>
  format === 2 ? '1.3' : format === 3 ? '1.11' : format === 4 ? '1.16' : format === 5 ? '2.0' : '2.1';

const lastOf = (format: number | null): Line | undefined =>
  format === 2
    ? '1.10'
    : format === 3
      ? '1.15'
      : format === 4
        ? '1.20'
        : format === 5
          ? '2.0'
          : format === 6
            ? '2.3'
            : undefined;
