import { holdsKafkaPositions } from './kafka-states.js';
import type { Long } from './long.js';
import type { DistributionMode, ListStateMeta, OperatorStateHandle } from './snapshot.js';
import { streamSize } from './state-size.js';
import { requireStream, type Reader } from './stream-handle.js';

const MODES: readonly DistributionMode[] = ['SPLIT_DISTRIBUTE', 'UNION', 'BROADCAST'];

/** Tags 4 and 17, or null for tag 0. */
export function readOperatorHandle(reader: Reader): OperatorStateHandle | null {
  const { cursor } = reader;
  const start = cursor.position;
  const tag = cursor.i8('the type of an operator state handle');
  if (tag === 0) return null;
  if (tag !== 4 && tag !== 17)
    throw cursor.error('UnknownTag', 'an operator state handle (type 0, 4 or 17)', `type ${tag}`, start);
  const states = readStates(reader);
  const keep = states.some(({ name }) => holdsKafkaPositions(name));
  if (tag === 4) {
    const delegate = requireStream(reader, 0, keep);
    return { kind: 'operator', stateSize: streamSize(delegate), states, delegate };
  }
  const taskOwnedDir = reader.path(cursor.utf('the directory of task-owned state'), cursor.position);
  const sharedDir = reader.path(cursor.utf('the directory of shared state'), cursor.position);
  const empty = cursor.u8('whether the state is empty') !== 0;
  const streamStart = cursor.position;
  const delegate = requireStream(reader, 0, keep);
  if (delegate.kind !== 'segment' && delegate.kind !== 'emptySegment')
    throw cursor.error(
      'UnknownTag',
      'a file segment (type 15 or 16)',
      `a ${delegate.kind} handle`,
      streamStart,
    );
  return {
    kind: 'operatorFileMerging',
    stateSize: streamSize(delegate),
    empty,
    taskOwnedDir,
    sharedDir,
    states,
    delegate,
  };
}

function readStates({ cursor }: Reader): readonly ListStateMeta[] {
  const count = cursor.count('a number of states', 7);
  const states: ListStateMeta[] = [];
  for (let i = 0; i < count; i++) {
    const name = cursor.utf('a state name');
    const ordinal = cursor.i8('a distribution mode');
    const mode = MODES[ordinal];
    if (mode === undefined)
      throw cursor.error('BadValue', 'a distribution mode from 0 to 2', String(ordinal), cursor.position - 1);
    const elements = cursor.count('a number of elements', 8);
    const offsets: Long[] = [];
    for (let k = 0; k < elements; k++) offsets.push(cursor.i64());
    states.push({ name, mode, offsets });
  }
  if (states.length < 2) return states;
  // Flink keeps a map: of two entries for one name the later one counts.
  const byName = new Map<string, ListStateMeta>();
  for (const state of states) byName.set(state.name, state);
  return [...byName.values()].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}
