/**
 * Checkpoint storage on a file system of this machine: `file:` URIs, and whole directories that stand for another
 * storage ({@link mappedStorage}). Looks never follow `..`; what is absent was looked for in a directory that is there.
 */
import { randomUUID } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { access, link, open, readdir, stat, unlink } from 'node:fs/promises';
import path from 'node:path';

import type { StorageConfig } from '../config/config.js';
import { type Fault, failure, fault, faultOf, HoldfastError } from '../domain/failure.js';
import { absent, present, type Reading, unknown } from '../domain/reading.js';
import { bounded, look } from './bounded-call.js';
import type { FileStatus, Storage } from './ports.js';
import { allowedRoot, parseStorageUri } from './storage-uri.js';

/** Deadlines in milliseconds for calls that name none. */
export const FILE_DEADLINES = {
  stat: 10_000,
  list: 60_000,
  read: 60_000,
  proveUsable: 20_000,
  setAside: 20_000,
} as const;

const PAGE = 1000;
/** Entries of one directory whose length is looked at together. */
const TOGETHER = 64;

type FileConfig = Extract<StorageConfig, { readonly kind: 'file' }>;

/** Where URIs of a storage lie on this machine. */
interface Layout {
  readonly name: string;
  owns(uri: string): boolean;
  /** The local path of a URI, or why it may not be looked at. */
  local(uri: string): string | Fault;
  /** Local directory for probe files. */
  readonly scratch: string;
}

/** The storage of `file:` URIs below the allowed paths. */
export function fileStorage(name: string, of: FileConfig): Storage {
  const owns = (uri: string): boolean => /^file:\//i.test(uri);
  return localStorage({
    name,
    owns,
    scratch: of.scratch,
    local(uri) {
      const parsed = parseStorageUri(uri);
      if ('code' in parsed) return parsed;
      if (parsed.scheme !== 'file' || (parsed.authority !== '' && parsed.authority !== 'localhost'))
        return fault('StateForeign', 'expected a file: URI of this machine; nothing was read', uri);
      if (allowedRoot(parsed.path, of.allow) === null)
        return fault('StateForeign', `expected a path below ${of.allow.join(', ')}; nothing was read`, uri);
      return parsed.path;
    },
  });
}

/**
 * A directory in place of a storage: what begins with `prefix` (`hdfs://nn:8020/`) is looked for below `directory`.
 * Read only.
 */
export function mappedStorage(prefix: string, directory: string): Storage {
  const root = prefix.replace(/\/+$/, '');
  const owns = (uri: string): boolean => uri === root || uri.startsWith(`${root}/`);
  return localStorage({
    name: root,
    owns,
    scratch: directory,
    local(uri) {
      const parsed = parseStorageUri(uri);
      if ('code' in parsed) return parsed;
      if (!owns(uri))
        return fault('StateForeign', `expected a URI that begins with ${root}/; nothing was read`, uri);
      return path.join(directory, ...uri.slice(root.length).split('/'));
    },
  });
}

function localStorage(layout: Layout): Storage {
  const late = (what: string) => (ms: number) =>
    fault('StorageUnavailable', `the file system did not ${what} within ${ms} ms`, layout.name);
  const classify = (uri: string) => (error: unknown) =>
    error instanceof HoldfastError ? error.fault : ioFault(error, uri);

  return {
    owns: (uri) => layout.owns(uri),

    stat: (uri, call) =>
      look(
        call,
        { deadline: FILE_DEADLINES.stat, late: late('answer') },
        async (): Promise<Reading<FileStatus>> => {
          const local = layout.local(uri);
          if (typeof local !== 'string') return unknown(local);
          const found = await statOrAbsent(local);
          return found === null ? absentBelow(local, uri) : present(statusOf(uri, found));
        },
        classify(uri),
      ),

    list: (uri, take, call) =>
      look(
        call,
        { deadline: FILE_DEADLINES.list, late: late('list a directory') },
        async ({ signal }) => {
          const local = layout.local(uri);
          if (typeof local !== 'string') return unknown(local);
          return listDirectory(local, uri.replace(/\/+$/, ''), take, signal);
        },
        classify(uri),
      ),

    read: (uri, range, call) =>
      look(
        call,
        { deadline: FILE_DEADLINES.read, late: late('read a file') },
        async (): Promise<Reading<Uint8Array>> => {
          const local = layout.local(uri);
          if (typeof local !== 'string') return unknown(local);
          return readRange(local, uri, range);
        },
        classify(uri),
      ),

    blocks: async (_uri, call) => {
      call.signal.throwIfAborted();
      return present({ healthy: true, missingFiles: [], corruptFiles: [] });
    },

    proveUsable: (call) =>
      bounded(call, { deadline: FILE_DEADLINES.proveUsable, late: late('take a probe file') }, async () => {
        const probe = path.join(layout.scratch, `holdfast-probe-${randomUUID()}`);
        const content = Buffer.from(randomUUID());
        try {
          await writeAndReadBack(probe, content);
        } catch (error) {
          throw failure(
            'StorageNotWritable',
            `a probe file could not be written and read back: ${faultOf(error).message}`,
            layout.scratch,
            error,
          );
        } finally {
          await unlink(probe).catch(() => undefined);
        }
        return { identity: layout.name, endpoint: layout.scratch };
      }),

    setAside: (uri, to, call) =>
      bounded(call, { deadline: FILE_DEADLINES.setAside, late: late('rename a file') }, async () => {
        const from = localOrThrow(layout, uri);
        const target = localOrThrow(layout, to);
        if (path.dirname(from) !== path.dirname(target))
          throw failure('StateForeign', 'expected a new name in the same directory; nothing was renamed', to);
        // A link and an unlink, because a rename would replace what exists.
        await link(from, target);
        await unlink(from);
        const [gone, there] = await Promise.all([statOrAbsent(from), statOrAbsent(target)]);
        if (gone !== null || there === null)
          throw failure('StorageUnavailable', 'the rename was not confirmed by a look at both names', uri);
      }),
  };
}

function localOrThrow(layout: Layout, uri: string): string {
  const local = layout.local(uri);
  if (typeof local === 'string') return local;
  throw new HoldfastError(local);
}

async function listDirectory(
  local: string,
  uri: string,
  take: (page: readonly FileStatus[]) => void,
  signal: AbortSignal,
): Promise<Reading<{ readonly entries: number }>> {
  let names: string[];
  try {
    names = await readdir(local);
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOTDIR') return absent;
    if (code === 'ENOENT') return absentBelow(local, uri);
    throw error;
  }
  names.sort();
  let entries = 0;
  for (let start = 0; start < names.length; start += PAGE) {
    signal.throwIfAborted();
    const page: FileStatus[] = [];
    const part = names.slice(start, start + PAGE);
    for (let i = 0; i < part.length; i += TOGETHER) {
      const together = part.slice(i, i + TOGETHER);
      const found = await Promise.all(together.map((name) => statOrAbsent(path.join(local, name))));
      // Gone since the directory was read: as if it had never been listed.
      found.forEach((status, k) => status && page.push(statusOf(`${uri}/${together[k] ?? ''}`, status)));
    }
    entries += page.length;
    take(page);
  }
  return present({ entries });
}

async function readRange(
  local: string,
  uri: string,
  { offset, length }: { readonly offset: number; readonly length: number },
): Promise<Reading<Uint8Array>> {
  let file;
  try {
    file = await open(local, constants.O_RDONLY);
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return absentBelow(local, uri);
    throw error;
  }
  try {
    const { size } = await file.stat();
    // Never allocate by a length that only the caller claims.
    if (offset + length > size) return unknown(short(uri, offset + length, size));
    const bytes = Buffer.allocUnsafeSlow(length);
    let done = 0;
    while (done < length) {
      const { bytesRead } = await file.read(bytes, done, length - done, offset + done);
      if (bytesRead === 0) return unknown(short(uri, offset + length, offset + done));
      done += bytesRead;
    }
    return present(bytes);
  } finally {
    await file.close();
  }
}

const short = (uri: string, expected: number, found: number): Fault =>
  fault(
    'BlocksMissing',
    `expected ${expected} bytes, found ${found}; the file is shorter than what was asked for`,
    uri,
  );

const statusOf = (uri: string, of: Stats): FileStatus => ({
  path: uri,
  kind: of.isDirectory() ? 'directory' : 'file',
  length: of.isDirectory() ? 0 : of.size,
  modified: Math.trunc(of.mtimeMs),
});

async function statOrAbsent(local: string): Promise<Stats | null> {
  try {
    return await stat(local);
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw error;
  }
}

/** Something is absent only when a directory above it can be read: a file system that is not mounted shows nothing. */
async function absentBelow(local: string, uri: string): Promise<Reading<never>> {
  for (let above = path.dirname(local); above !== path.dirname(above); above = path.dirname(above)) {
    const found = await statOrAbsent(above);
    if (found === null) continue;
    if (found.isDirectory()) await access(above, constants.R_OK | constants.X_OK);
    return absent;
  }
  return unknown(
    fault('StorageUnavailable', 'no directory above the path is there: is the file system mounted?', uri),
  );
}

async function writeAndReadBack(probe: string, content: Buffer): Promise<void> {
  const file = await open(probe, 'wx+');
  try {
    await file.write(content, 0, content.length, 0);
    await file.sync();
    const back = Buffer.alloc(content.length);
    const { bytesRead } = await file.read(back, 0, back.length, 0);
    if (bytesRead !== content.length || !back.equals(content))
      throw failure('StorageNotWritable', 'the probe file reads back differently', probe);
  } finally {
    await file.close();
  }
}

const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;

function ioFault(error: unknown, uri: string): Fault {
  const code = codeOf(error);
  if (code === 'EACCES' || code === 'EPERM')
    return fault('AccessDenied', `this process may not read it (${code})`, uri);
  return fault(
    'StorageUnavailable',
    `the file system failed: ${error instanceof Error ? error.message : String(error)}`,
    uri,
  );
}
