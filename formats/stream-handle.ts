import { hash } from 'node:crypto';
import type { Cursor } from './cursor.js';
import { PathError, cleanPath, resolverOf } from './flink-path.js';
import type { KeyGroupRange, KeyGroupsHandle, Layout, StreamHandle } from './snapshot.js';
import { streamSize } from './state-size.js';

/**
 * Deepest nesting of handles. Flink itself ends in a stack overflow about here (measured with Java's default stack:
 * change logs between 900 and 1000, key groups between 1000 and 1500), and no writer nests more than three deep.
 */
export const MAX_DEPTH = 1000;
/** Inline state that may hold Kafka positions is kept, up to this many bytes in all. */
const KEEP_IN_ALL = 64 * 1024 * 1024;

/** What all parts of one reading share. */
export class Reader {
  readonly cursor: Cursor;
  readonly formatVersion: number;
  readonly layout: Layout;
  readonly hash: boolean;
  /** Clean path of the directory that the file is in. */
  readonly directory: string;
  private readonly resolve: (name: string) => string;
  private kept = 0;
  /** Beginning of the last plain path: scheme, authority and the slash after it. */
  private root = '';
  /** The same as bytes. */
  rootBytes: Uint8Array = new Uint8Array(0);

  constructor(cursor: Cursor, formatVersion: number, layout: Layout, hash: boolean, directory: string) {
    this.cursor = cursor;
    this.formatVersion = formatVersion;
    this.layout = layout;
    this.hash = hash;
    this.directory = directory;
    this.resolve = resolverOf(directory);
  }

  /** Whether `size` more bytes of inline state may be kept. */
  keep(size: number): boolean {
    if (this.kept + size > KEEP_IN_ALL) return false;
    this.kept += size;
    return true;
  }

  /** A path as Flink's `Path` prints it. Most are clean already, and that is cheap to see. */
  path(text: string, start: number): string {
    if (this.root !== '' && text.startsWith(this.root) && !DIRTY.test(text.substring(this.root.length)))
      return text;
    const match = PLAIN_ROOT.exec(text);
    if (match !== null && !DIRTY.test(text.substring(match[0].length))) {
      this.root = match[0];
      this.rootBytes = Buffer.from(this.root, 'latin1');
      return text;
    }
    return this.checked(text, start, () => cleanPath(text));
  }

  /** Whether a plain relative name lies at `directory/name`. */
  get plainDirectory(): boolean {
    return this.directory.length > 1 && !this.directory.endsWith('/');
  }

  relativePath(name: string, start: number): string {
    if (PLAIN_NAME.test(name) && this.plainDirectory) return `${this.directory}/${name}`;
    return this.checked(name, start, () => this.resolve(name));
  }

  private checked(text: string, start: number, make: () => string): string {
    try {
      return make();
    } catch (error) {
      if (!(error instanceof PathError)) throw error;
      throw this.cursor.error(
        'BadPath',
        'a path',
        `${JSON.stringify(text.slice(0, 200))}: ${error.message}`,
        start,
      );
    }
  }
}

const EMPTY_SEGMENT: StreamHandle = { kind: 'emptySegment' };

const PLAIN_ROOT = /^[A-Za-z][A-Za-z0-9+.-]+:\/\/[A-Za-z0-9._:@-]+\//;
/** What follows the root of a clean path has none of these; a plain dot inside a name is fine. */
const DIRTY = /^[/.]|\/[/.]|\/$|[\\[\]]|[^\x20-\x7e]/;
const PLAIN_NAME = /^[A-Za-z0-9_][A-Za-z0-9._-]*$/;

/**
 * A stream handle, or null. Inline state is passed over (and hashed when the reader hashes); with `keep` its bytes
 * are kept as well.
 */
export function readStream(reader: Reader, depth: number, keep = false): StreamHandle | null {
  const { cursor } = reader;
  const start = cursor.position;
  const tag = cursor.u8('the type of a stream handle');
  switch (tag) {
    case 0:
      return null;
    case 1:
      return readInline(reader, keep);
    case 2: {
      const size = cursor.i64('a file size');
      const path = reader.path(cursor.utf('a file path'), start + 9);
      if (size < -1) throw cursor.error('BadValue', 'a file size >= -1', String(size), start + 1);
      return { kind: 'file', path, size };
    }
    case 6: {
      const relativePath = cursor.utf('a relative file path');
      const path = reader.relativePath(relativePath, start + 1);
      const size = cursor.i64('a file size');
      if (size < -1) throw cursor.error('BadValue', 'a file size >= -1', String(size), cursor.position - 8);
      return { kind: 'relativeFile', relativePath, path, size };
    }
    case 3:
      return readKeyGroups(reader, 'keyGroups', depth + 1);
    case 15: {
      const offset = cursor.i64('a segment position');
      const size = cursor.i64('a segment size');
      const scope = cursor.i32('a segment scope');
      if (scope !== 0 && scope !== 1)
        throw cursor.error('BadValue', 'a segment scope of 0 or 1', String(scope), cursor.position - 4);
      const path = reader.path(cursor.utf('a file path'), cursor.position);
      const logicalFileId = cursor.utf('a logical file id');
      return {
        kind: 'segment',
        path,
        offset,
        size,
        scope: scope === 0 ? 'EXCLUSIVE' : 'SHARED',
        logicalFileId,
      };
    }
    case 16:
      return EMPTY_SEGMENT;
    default:
      throw cursor.error(
        'UnknownTag',
        'a stream handle (type 0, 1, 2, 3, 6, 15 or 16)',
        `type ${tag}`,
        start,
      );
  }
}

/** A stream handle where null is not allowed. */
export function requireStream(reader: Reader, depth: number, keep = false): StreamHandle {
  const handle = readStream(reader, depth, keep);
  if (handle === null)
    throw reader.cursor.error('MissingValue', 'a stream handle', 'null', reader.cursor.position - 1);
  return handle;
}

function readInline(reader: Reader, keep: boolean): StreamHandle {
  const { cursor, hash } = reader;
  const name = cursor.utf('the name of inline state');
  const size = cursor.count('a length of inline state', 1);
  const at = cursor.position;
  if (keep && reader.keep(size)) {
    const data = cursor.take(size, 'inline state');
    return { kind: 'inline', name, size, at, sha256: hash ? sha256Of(data) : null, data };
  }
  if (hash)
    return { kind: 'inline', name, size, at, sha256: cursor.sha256(size, 'inline state'), data: null };
  // Read all the same: state that cannot be read is as good as lost.
  cursor.pieces(size, 'inline state', () => undefined);
  return { kind: 'inline', name, size, at, sha256: null, data: null };
}

/** Tags 3, 7 and 12 without what follows the stream. */
export function readKeyGroups(reader: Reader, kind: KeyGroupsHandle['kind'], depth: number): KeyGroupsHandle {
  const { cursor } = reader;
  if (depth > MAX_DEPTH)
    throw cursor.error('TooDeep', `handles nested at most ${MAX_DEPTH} deep`, `${depth} levels`);
  const start = cursor.position;
  const first = cursor.i32('a first key group');
  const count = cursor.count('a number of key groups', 8);
  const range = keyGroupRange(cursor, first, count, start);
  if (range.keyGroups !== count)
    throw cursor.error('BadValue', 'a range of key groups', `${count} from ${first}`, start);
  let offsetsSha256: string | null = null;
  if (reader.hash) offsetsSha256 = cursor.sha256(count * 8, 'key group offsets');
  else cursor.skip(count * 8, 'key group offsets');
  const delegate = requireStream(reader, depth);
  return {
    kind,
    stateSize: streamSize(delegate),
    firstKeyGroup: range.firstKeyGroup,
    keyGroups: range.keyGroups,
    offsetsSha256,
    stateHandleId: null,
    delegate,
  };
}

/**
 * Flink's `KeyGroupRange.of(first, first + count - 1)`, with Java's 32-bit arithmetic: an end before the beginning is
 * the empty range, which begins at 0.
 */
export function keyGroupRange(cursor: Cursor, first: number, count: number, start: number): KeyGroupRange {
  const last = (first + count - 1) | 0;
  if (first > last) return { firstKeyGroup: 0, keyGroups: 0 };
  const keyGroups = (1 + last - first) | 0;
  if (first < 0 || keyGroups < 0)
    throw cursor.error('BadValue', 'a range of key groups from 0 on', `${count} from ${first}`, start);
  return { firstKeyGroup: first, keyGroups };
}

/** A range that is read as first key group and number. */
export function readKeyGroupRange({ cursor }: Reader): KeyGroupRange {
  const start = cursor.position;
  const first = cursor.i32('a first key group');
  return keyGroupRange(cursor, first, cursor.i32('a number of key groups'), start);
}

const sha256Of = (data: Uint8Array): string => hash('sha256', data, 'hex');
