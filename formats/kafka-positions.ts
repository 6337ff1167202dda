import type { KafkaPosition } from '../domain/restore-point.js';
import { Cursor } from './cursor.js';
import { FormatError } from './format-error.js';
import { readKafkaEnumerator, type KafkaEnumerator } from './kafka-enumerator.js';
import { LEGACY_MARKERS, readJavaPosition, readKryoPosition, type LegacyPosition } from './kafka-legacy.js';
import { bySplit, readSplitElement, startMarker, type KafkaSplit } from './kafka-split.js';
import { LEGACY_CONSUMER_STATE, LEGACY_DEFAULT_STATE, SOURCE_READER_STATE } from './kafka-states.js';
import { addLong, type Long } from './long.js';
import type {
  ListStateMeta,
  OperatorState,
  OperatorStateHandle,
  Snapshot,
  StreamHandle,
} from './snapshot.js';
import { decodeSnappyFrames } from './snappy.js';

/** A part of a state file. */
export interface StateRange {
  /** Full URI. */
  readonly path: string;
  readonly offset: number;
  /** Bytes; null: to the end, when the writer did not know the length. */
  readonly length: number | null;
}

/** Reads a part of a state file. What it throws goes through. */
export type ReadState = (range: StateRange) => Promise<Uint8Array>;

export interface KafkaPositions {
  /** Every operator that reads from Kafka, in the order of the snapshot. */
  readonly operators: readonly KafkaOperator[];
  /** The same, flat: where each partition goes on. */
  readonly positions: readonly KafkaPosition[];
  /**
   * Operators with source state that is not a plain `KafkaSource`'s: another source, a dynamic or a hybrid one. If they
   * read from Kafka, their positions are not known.
   */
  readonly unrecognized: readonly { readonly operatorId: string; readonly because: string }[];
}

export interface KafkaOperator {
  readonly operatorId: string;
  /** Absent when the operator has no coordinator state (the legacy consumer). */
  readonly enumerator?: KafkaEnumerator;
  /** Subtasks that have such state, also when it is empty. */
  readonly subtasks: readonly KafkaSubtask[];
}

export type KafkaSubtask =
  | { readonly subtask: number; readonly kind: 'kafka-source'; readonly splits: readonly KafkaSplit[] }
  | {
      readonly subtask: number;
      readonly kind: 'legacy-consumer';
      readonly offsets: readonly LegacyPosition[];
    };

/** A state file larger than this is read only in the part that is needed. */
const WHOLE = 1024 * 1024;
/** More than a million partitions in one subtask. */
const LIMIT = 64 * 1024 * 1024;

/**
 * The Kafka positions in a snapshot. Needs no serializer: `_metadata` says where each list element begins.
 * @param read reads state files; inline state needs none
 * @throws FormatError for state that is Kafka's and damaged; what `read` throws
 */
export async function kafkaPositions(
  snapshot: Pick<Snapshot, 'operators'>,
  read: ReadState,
): Promise<KafkaPositions> {
  const operators: KafkaOperator[] = [];
  const unrecognized: { operatorId: string; because: string }[] = [];
  for (const operator of snapshot.operators) {
    const found = await kafkaOperator(operator, read);
    if (typeof found === 'string') unrecognized.push({ operatorId: operator.id, because: found });
    else if (found !== undefined) operators.push(found);
  }
  return { operators, positions: operators.flatMap(positionsOf), unrecognized };
}

/** The operator's Kafka state; the reason when its source is not recognized; undefined when it has no source state. */
async function kafkaOperator(
  operator: OperatorState,
  read: ReadState,
): Promise<KafkaOperator | string | undefined> {
  let because: FormatError | undefined;
  let enumerator: KafkaEnumerator | undefined;
  const state = operator.coordinatorState;
  if (state !== null) {
    if (state.data === null) because = tooLarge('coordinator state', state.size);
    else
      try {
        enumerator = readKafkaEnumerator(state.data);
      } catch (error) {
        if (!(error instanceof FormatError)) throw error;
        because = error;
      }
  }
  const subtasks: KafkaSubtask[] = [];
  let readers = 0;
  let elements = 0;
  for (const subtask of operator.subtasks)
    for (const handle of subtask.managedOperator) {
      const names = new Map(handle.states.map((meta) => [meta.name, meta]));
      const reader = names.get(SOURCE_READER_STATE);
      if (reader !== undefined) {
        readers++;
        const bytes = await elementsOf(handle, reader, read);
        try {
          const splits = bytes.read(readSplitElement);
          elements += splits.length;
          subtasks.push({ subtask: subtask.index, kind: 'kafka-source', splits: [...splits].sort(bySplit) });
        } catch (error) {
          if (!(error instanceof FormatError)) throw error;
          because ??= error;
        }
        continue;
      }
      const legacy = names.get(LEGACY_CONSUMER_STATE);
      if (legacy !== undefined) {
        const offsets = (await elementsOf(handle, legacy, read)).read(readKryoPosition);
        subtasks.push({
          subtask: subtask.index,
          kind: 'legacy-consumer',
          offsets: [...offsets].sort(bySplit),
        });
        continue;
      }
      const old = names.get(LEGACY_DEFAULT_STATE);
      const offsets = old === undefined ? undefined : await oldPositions(handle, old, read);
      if (offsets !== undefined) subtasks.push({ subtask: subtask.index, kind: 'legacy-consumer', offsets });
    }
  const known = (enumerator?.partitions.length ?? 0) > 0 || elements > 0;
  if (known && because !== undefined) throw because; // Kafka's, and damaged in a part
  if (because !== undefined) return because.message;
  if (subtasks.some(({ kind }) => kind === 'legacy-consumer') || known)
    return enumerator === undefined
      ? { operatorId: operator.id, subtasks }
      : { operatorId: operator.id, enumerator, subtasks };
  return readers > 0 || state !== null
    ? 'the source has no splits: nothing shows what kind it is'
    : undefined;
}

/** `_default_` may be anybody's: only when every element is a Kafka position is it Kafka's. */
async function oldPositions(
  handle: OperatorStateHandle,
  meta: ListStateMeta,
  read: ReadState,
): Promise<readonly LegacyPosition[] | undefined> {
  if (meta.offsets.length === 0) return undefined;
  const bytes = await elementsOf(handle, meta, read);
  try {
    return [...bytes.read(readJavaPosition)].sort(bySplit);
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}

const tooLarge = (what: string, size: Long): FormatError =>
  new FormatError({
    code: 'TooLarge',
    offset: 0,
    expected: `${what} of at most ${LIMIT} bytes`,
    found: String(size),
    context: '',
  });

// ── List elements ───────────────────────────────────────────────────────────────────────────────────────────────

interface Elements {
  read<T>(one: (cursor: Cursor) => T): readonly T[];
}

/** The bytes of one list state: the header says whether they are compressed, the offsets where they are. */
async function elementsOf(
  handle: OperatorStateHandle,
  meta: ListStateMeta,
  read: ReadState,
): Promise<Elements> {
  if (meta.offsets.length === 0) return { read: () => [] };
  const offsets = meta.offsets.map(Number);
  const first = Math.min(...sample(offsets));
  const bytes = await stateBytes(handle.delegate, first, read);
  const size = bytes.end;
  for (const offset of offsets)
    if (!(offset >= 0 && offset <= size))
      throw new FormatError({
        code: 'BadValue',
        offset: 0,
        expected: `an offset of ${meta.name} within the ${size} bytes of its state`,
        found: String(offset),
        context: '',
      });
  // An element ends where the next one begins, of whichever state.
  const borders = [
    ...new Set(
      handle.states.flatMap((state) => state.offsets.map(Number)).filter((o) => o >= first && o <= size),
    ),
  ];
  borders.sort((a, b) => a - b);
  borders.push(size);
  const endOf = (offset: number): number => borders[upperBound(borders, offset)] ?? size;
  const header = new Cursor(bytes.header);
  const version = header.i32('the version of operator state');
  const compressed = version >= 6 && header.u8('whether operator state is compressed') !== 0;
  const slice = (from: number, to: number): Uint8Array =>
    bytes.rest.subarray(from - bytes.from, to - bytes.from);
  const distinct = new Set(offsets).size === offsets.length;
  if (!compressed && !distinct)
    throw new FormatError({
      code: 'BadValue',
      offset: 0,
      expected: `elements of ${meta.name} at different offsets`,
      found: 'several at one',
      context: '',
    });
  if (!compressed)
    return { read: (one) => offsets.map((offset) => one(new Cursor(slice(offset, endOf(offset)), offset))) };
  return {
    read(one) {
      try {
        if (!distinct) throw tooLarge('elements at different offsets', offsets.length);
        let left = LIMIT;
        return offsets.map((offset) => {
          const plain = decodeSnappyFrames(slice(offset, endOf(offset)), left, offset);
          left -= plain.length;
          return one(new Cursor(plain, offset));
        });
      } catch (error) {
        if (!(error instanceof FormatError)) throw error;
        // Flink 1.18.0 recorded offsets without flushing: one stream from the first offset on, elements counted.
        const cursor = new Cursor(decodeSnappyFrames(slice(first, size), LIMIT, first), first);
        return offsets.map(() => one(cursor));
      }
    },
  };
}

/** `Math.min(...)` of a large array overflows the stack. */
const sample = (offsets: readonly number[]): readonly number[] =>
  offsets.length < 1000 ? offsets : [offsets.reduce((a, b) => (b < a ? b : a))];

/** Index of the first border behind `offset`. */
function upperBound(borders: readonly number[], offset: number): number {
  let low = 0;
  let high = borders.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((borders[middle] as number) <= offset) low = middle + 1;
    else high = middle;
  }
  return low;
}

interface StateBytes {
  /** The first bytes of the state. */
  readonly header: Uint8Array;
  /** The state from byte `from` on. */
  readonly rest: Uint8Array;
  readonly from: number;
  /** Length of the state. */
  readonly end: number;
}

async function stateBytes(delegate: StreamHandle, first: number, read: ReadState): Promise<StateBytes> {
  switch (delegate.kind) {
    case 'inline':
      if (delegate.data === null) throw tooLarge('inline state', delegate.size);
      return { header: delegate.data, rest: delegate.data, from: 0, end: delegate.data.length };
    case 'file':
    case 'relativeFile':
      return fileBytes(delegate.path, 0, delegate.size, first, read);
    case 'segment':
      return fileBytes(delegate.path, delegate.offset, delegate.size, first, read);
    case 'emptySegment':
    case 'keyGroups':
    case 'savepointKeyGroups':
      throw new FormatError({
        code: 'UnknownTag',
        offset: 0,
        expected: 'operator state in a file, a segment or inline',
        found: delegate.kind,
        context: '',
      });
    default:
      return delegate satisfies never;
  }
}

async function fileBytes(
  path: string,
  start: Long,
  size: Long,
  first: number,
  read: ReadState,
): Promise<StateBytes> {
  const offset = Number(start);
  if (!Number.isSafeInteger(offset) || offset < 0 || size > LIMIT * 1024)
    throw tooLarge('operator state', size);
  const length = size < 0 ? null : Number(size);
  if (length === null || length <= WHOLE) {
    const bytes = await read({ path, offset, length });
    if (length !== null && bytes.length !== length) throw short(path, length, bytes.length);
    return { header: bytes, rest: bytes, from: 0, end: bytes.length };
  }
  const from = Math.max(0, Math.min(first, length));
  if (length - from > LIMIT) throw tooLarge('operator state', length - from);
  const header = await read({ path, offset, length: 8 });
  const rest = await read({ path, offset: offset + from, length: length - from });
  if (rest.length !== length - from) throw short(path, length - from, rest.length);
  return { header, rest, from, end: length };
}

const short = (path: string, expected: number, found: number): FormatError =>
  new FormatError({
    code: 'Truncated',
    offset: 0,
    expected: `${expected} bytes of ${path}`,
    found: String(found),
    context: '',
  });

// ── Flat ────────────────────────────────────────────────────────────────────────────────────────────────────────

function positionsOf({ operatorId, enumerator, subtasks }: KafkaOperator): readonly KafkaPosition[] {
  const positions: KafkaPosition[] = [];
  const read = new Set<string>();
  const add = (topic: string, partition: number, next: string): void => {
    read.add(`${topic}/${partition}`);
    positions.push({ operatorId, topic, partition, next });
  };
  for (const subtask of subtasks) {
    if (subtask.kind === 'kafka-source')
      for (const { topic, partition, startingOffset } of subtask.splits)
        add(topic, partition, startMarker(startingOffset) ?? String(startingOffset));
    else
      for (const { topic, partition, offset } of subtask.offsets)
        // The last record processed; -1 is before the first one.
        add(
          topic,
          partition,
          offset < -1 ? (LEGACY_MARKERS.get(Number(offset)) ?? 'unset') : String(addLong(offset, 1)),
        );
  }
  // Discovered and not yet read by anyone: they begin where the source begins.
  for (const { topic, partition, status, startingOffset } of enumerator?.partitions ?? [])
    if (status !== 'ASSIGNED' && !read.has(`${topic}/${partition}`))
      add(
        topic,
        partition,
        startingOffset === undefined ? 'unset' : (startMarker(startingOffset) ?? String(startingOffset)),
      );
  return positions.sort(bySplit);
}
