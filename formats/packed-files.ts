import type { NamedHandle } from './snapshot.js';

/**
 * A long list of files as it stands in the metadata: checked when it was read, made into objects only when somebody
 * iterates over it. Half a million files as objects cost more time in garbage collection than in reading.
 */

/** Entries of a file list that were found plain: texts that JSON need not escape, clean paths, known sizes. */
interface Block {
  readonly bytes: Uint8Array;
  readonly count: number;
}

/** Iterates over the entries, in order, any number of times. */
export interface FileList extends Iterable<NamedHandle> {
  readonly length: number;
}

export class PackedFiles implements FileList {
  length = 0;
  /** Sum of the sizes; always a safe integer. */
  stateSize = 0;
  private readonly blocks: Block[] = [];
  private readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
  }

  add(bytes: Uint8Array, count: number, stateSize: number): void {
    this.blocks.push({ bytes, count });
    this.length += count;
    this.stateSize += stateSize;
  }

  /** Calls `use` for every entry, in order, without making objects. */
  each(use: (name: string, path: string, size: number, relativePath: string | null) => void): void {
    for (const { bytes, count } of this.blocks) {
      const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
      let at = 0;
      for (let i = 0; i < count; i++) {
        const nameEnd = at + 2 + u16(bytes, at);
        const name = text.substring(at + 2, nameEnd);
        if (bytes[nameEnd] === 2) {
          const pathEnd = nameEnd + 11 + u16(bytes, nameEnd + 9);
          use(name, text.substring(nameEnd + 11, pathEnd), size(bytes, nameEnd + 1), null);
          at = pathEnd;
        } else {
          const pathEnd = nameEnd + 3 + u16(bytes, nameEnd + 1);
          const relativePath = text.substring(nameEnd + 3, pathEnd);
          use(name, `${this.directory}/${relativePath}`, size(bytes, pathEnd), relativePath);
          at = pathEnd + 8;
        }
      }
    }
  }

  *[Symbol.iterator](): Generator<NamedHandle, undefined> {
    const all: NamedHandle[] = [];
    this.each((name, path, length, relativePath) => {
      all.push({
        name,
        handle:
          relativePath === null
            ? { kind: 'file', path, size: length }
            : { kind: 'relativeFile', relativePath, path, size: length },
      });
    });
    yield* all;
  }
}

const u16 = (b: Uint8Array, at: number): number => ((b[at] as number) << 8) | (b[at + 1] as number);

const u32 = (b: Uint8Array, at: number): number =>
  (((b[at] as number) << 24) |
    ((b[at + 1] as number) << 16) |
    ((b[at + 2] as number) << 8) |
    (b[at + 3] as number)) >>>
  0;

const size = (b: Uint8Array, at: number): number => u32(b, at) * 0x100000000 + u32(b, at + 4);

// ── Finding plain entries ───────────────────────────────────────────────────────────────────────────────────────

const AFTER_SLASH = 1; // may not follow a slash in a clean path
const SLASH = 2;
const ODD = 4; // needs a closer look
const NAME = 8; // part of a plain relative name
const CLASS = Uint8Array.from({ length: 256 }, (_, byte) => {
  if (byte === 0x2f) return SLASH | AFTER_SLASH;
  if (byte === 0x2e) return AFTER_SLASH | NAME;
  if (byte < 0x20 || byte > 0x7e || byte === 0x5c || byte === 0x5b || byte === 0x5d || byte === 0x22)
    return ODD;
  return /[A-Za-z0-9_-]/.test(String.fromCharCode(byte)) ? NAME : 0;
});

export interface Scan {
  /** Index behind the last plain entry. */
  readonly end: number;
  readonly count: number;
  readonly stateSize: number;
  /** Why it ended: all found, more bytes are needed, or an entry that is not plain. */
  readonly because: 'done' | 'more' | 'odd';
}

/**
 * Finds how many entries from `at` on are plain.
 * @param root bytes of scheme, authority and first slash that absolute paths must begin with
 */
export function scanFiles(b: Uint8Array, from: number, to: number, most: number, root: Uint8Array): Scan {
  let at = from;
  let count = 0;
  let stateSize = 0;
  const stop = (because: Scan['because']): Scan => ({ end: at, count, stateSize, because });
  while (count < most) {
    if (at + 3 > to) return stop('more');
    const nameEnd = at + 2 + u16(b, at);
    if (nameEnd + 11 > to) return stop('more');
    let bits = 0;
    for (let i = at + 2; i < nameEnd; i++) bits |= CLASS[b[i] as number] as number;
    if ((bits & ODD) !== 0) return stop('odd');
    const tag = b[nameEnd];
    let end: number;
    let sizeAt: number;
    if (tag === 2) {
      sizeAt = nameEnd + 1;
      const start = nameEnd + 11;
      end = start + u16(b, nameEnd + 9);
      if (end > to) return stop('more');
      if (!plainPath(b, start, end, root)) return stop('odd');
    } else if (tag === 6) {
      const start = nameEnd + 3;
      sizeAt = start + u16(b, nameEnd + 1);
      end = sizeAt + 8;
      if (end > to) return stop('more');
      if (!plainName(b, start, sizeAt)) return stop('odd');
    } else {
      return stop('odd');
    }
    // Unknown and absurd sizes need 64-bit care.
    if (u32(b, sizeAt) > 0xffff) return stop('odd');
    const sum = stateSize + size(b, sizeAt);
    if (sum > 0xffffffffffff) return stop('odd');
    stateSize = sum;
    at = end;
    count++;
  }
  return stop('done');
}

function plainPath(b: Uint8Array, start: number, end: number, root: Uint8Array): boolean {
  const length = root.length;
  if (length === 0 || end - start <= length) return false;
  for (let i = 0; i < length; i++) if (b[start + i] !== root[i]) return false;
  let before = SLASH;
  let bad = 0;
  for (let i = start + length; i < end; i++) {
    const c = CLASS[b[i] as number] as number;
    bad |= (c & ODD) | ((before >> 1) & c & AFTER_SLASH);
    before = c;
  }
  return (bad | (before & SLASH)) === 0;
}

function plainName(b: Uint8Array, start: number, end: number): boolean {
  if (start === end || b[start] === 0x2e || b[start] === 0x2d) return false;
  for (let i = start; i < end; i++) if (((CLASS[b[i] as number] as number) & NAME) === 0) return false;
  return true;
}
