import { addLong, type Long } from './long.js';
import { PackedFiles } from './packed-files.js';
import type {
  ChangelogHandle,
  ChannelHandle,
  IncrementalHandle,
  KeyedHandle,
  OperatorStateHandle,
  StreamHandle,
} from './snapshot.js';

/** Flink's `getStateSize` of a stream: -1 for a file of unknown size, as in Flink. */
export function streamSize(handle: StreamHandle): Long {
  switch (handle.kind) {
    case 'inline':
    case 'file':
    case 'relativeFile':
    case 'segment':
      return handle.size;
    case 'emptySegment':
      return 0;
    case 'keyGroups':
    case 'savepointKeyGroups':
      return handle.stateSize;
    default:
      return handle satisfies never;
  }
}

const sum = (sizes: Iterable<Long>): Long => {
  let total: Long = 0;
  for (const size of sizes) total = addLong(total, size);
  return total;
};

export function incrementalSize(of: Pick<IncrementalHandle, 'meta' | 'shared' | 'private'>): Long {
  let total: Long = of.meta === null ? 0 : streamSize(of.meta);
  for (const files of [of.shared, of.private]) {
    if (files instanceof PackedFiles) total = addLong(total, files.stateSize);
    else for (const { handle } of files) total = addLong(total, streamSize(handle));
  }
  return total;
}

export const changelogSize = (of: Pick<ChangelogHandle, 'materialized' | 'nonMaterialized'>): Long =>
  addLong(sum(of.materialized.map((h) => h.stateSize)), sum(of.nonMaterialized.map((h) => h.stateSize)));

/** Flink's sum over the six state groups of a subtask. */
export function subtaskSize(
  ...groups: readonly (readonly (OperatorStateHandle | KeyedHandle | ChannelHandle)[])[]
): Long {
  let total: Long = 0;
  for (const group of groups) for (const handle of group) total = addLong(total, handle.stateSize);
  return total;
}
