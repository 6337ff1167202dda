import { Cursor } from '../../formats/cursor.js';
import { readOperatorHandle } from '../../formats/operator-handle.js';
import type { OperatorStateHandle, Snapshot } from '../../formats/snapshot.js';
import { Reader, readStream } from '../../formats/stream-handle.js';

/** Reads the file of Flink's migration tests: one operator's state, in the handles of format 2, without any frame. */
export function consumerSnapshot(bytes: Uint8Array): Pick<Snapshot, 'operators'> {
  const cursor = new Cursor(bytes);
  const reader = new Reader(cursor, 2, 'current', true, 'file:/snapshot');
  cursor.i32('a version');
  readStream(reader, 0); // legacy state, always null
  const group = (): readonly OperatorStateHandle[] => {
    const count = Math.max(0, cursor.i32('a number of handles')); // -1: none
    const handles: OperatorStateHandle[] = [];
    for (let i = 0; i < count; i++) {
      const handle = readOperatorHandle(reader);
      if (handle === null) throw cursor.error('MissingValue', 'an operator state handle', 'null');
      handles.push(handle);
    }
    return handles;
  };
  const rawOperator = group();
  const managedOperator = group();
  const subtask = {
    index: 0,
    finished: false,
    stateSize: 0,
    managedOperator,
    rawOperator,
    managedKeyed: [],
    rawKeyed: [],
    inputChannels: [],
    resultSubpartitions: [],
  };
  return {
    operators: [
      {
        id: '0'.repeat(32),
        name: null,
        uid: null,
        parallelism: 1,
        maxParallelism: 1,
        fullyFinished: false,
        coordinatorState: null,
        subtasks: [subtask],
      },
    ],
  };
}
