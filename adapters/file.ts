/** Checkpoint storage on a file system of this machine, or one mounted on it. */
import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import {
  access,
  copyFile,
  mkdir,
  open,
  opendir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { StorageConfig } from '../config/config.js';
import { failure, fault, type Fault } from '../domain/failure.js';
import { absent, present, unknown, type Reading } from '../domain/reading.js';
import { bounded, look, type Bounds } from './bounded-call.js';
import type { Call, FileStatus, Storage, StorageProof } from './ports.js';
import { allowedRoot, parseStorageUri } from './storage-uri.js';

export type FileConfig = Extract<StorageConfig, { readonly kind: 'file' }>;

/** Milliseconds of a call that names no deadline. A mounted file system can hang for ever. */
const DEADLINE = 30_000;
/** Entries of one page of a listing. */
const PAGE = 1_000;

/** Storage behind `file:` URIs. Its probe file goes to `scratch`, which is created when it is missing. */
export function fileStorage(name: string, config: FileConfig): Storage {
  const late = (where: string) => ({
    deadline: DEADLINE,
    late: (ms: number) =>
      fault('StorageUnavailable', `storage ${name} did not answer within ${ms} ms`, where),
  });

  function placeOf(uri: string): string | Fault {
    const path = pathOf(uri);
    if (path === null)
      return fault('StateForeign', `storage ${name} serves file: URIs, found another kind of path`, uri);
    if (allowedRoot(path, config.allow) !== null) return path;
    return fault(
      'StateForeign',
      `expected a path below ${config.allow.join(' or ')} (storage ${name}, allow)`,
      uri,
    );
  }

  function lookAt<T>(
    uri: string,
    call: Call,
    work: (path: string, bounds: Bounds) => Promise<Reading<T>>,
  ): Promise<Reading<T>> {
    const path = placeOf(uri);
    if (typeof path !== 'string') return Promise.resolve(unknown(path));
    return look(
      call,
      late(uri),
      (bounds) => work(path, bounds),
      (error) => faultFor(error, uri),
    );
  }

  return {
    owns: (uri) => {
      const path = pathOf(uri);
      return path !== null && allowedRoot(path, config.allow) !== null;
    },
    proveUsable: (call) => bounded(call, late(config.scratch), () => prove(name, config.scratch)),
    stat: (uri, call) =>
      lookAt(uri, call, (path) => orAbsent(path, async () => present(statusOf(uri, await stat(path))))),
    list: (uri, take, call) =>
      lookAt(uri, call, (path, bounds) => orAbsent(path, () => listPages(uri, path, take, bounds.signal))),
    read: (uri, range, call) =>
      lookAt(uri, call, (path) => orAbsent(path, () => readRange(uri, path, range))),
    // A file system has no blocks that could be missing while the file is there.
    blocks: (uri, call) =>
      lookAt(uri, call, (path) =>
        orAbsent(path, async () => {
          await access(path, constants.R_OK);
          return present({ healthy: true, missingFiles: [], corruptFiles: [] });
        }),
      ),
    setAside: (uri, to, call) => {
      const [from, target] = [placeOf(uri), placeOf(to)];
      const foreign = [from, target].find((p) => typeof p !== 'string');
      if (typeof from !== 'string' || typeof target !== 'string') {
        const why = foreign as Fault;
        return Promise.reject(failure(why.code, why.message, why.where));
      }
      return bounded(call, late(uri), () => renameAside(from, target, uri));
    },
  };
}

/** The path of a `file:` URI, as Flink writes them (`file:/x` and `file:///x`); null for any other or unsafe one. */
function pathOf(uri: string): string | null {
  const parsed = parseStorageUri(uri);
  return 'code' in parsed || parsed.scheme !== 'file' || parsed.authority !== '' ? null : parsed.path;
}

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? '';

/** Absent only when the directory above is there: a file system that is not mounted knows nothing. */
async function orAbsent<T>(path: string, work: () => Promise<Reading<T>>): Promise<Reading<T>> {
  try {
    return await work();
  } catch (error) {
    if (codeOf(error) === 'ENOTDIR') return absent;
    if (codeOf(error) !== 'ENOENT') throw error;
    return (await nearest(path))
      ? absent
      : unknown(fault('StorageUnavailable', 'no directory above it is there', path));
  }
}

/** Whether any directory above, other than the root, is there. */
async function nearest(path: string): Promise<boolean> {
  for (let above = dirname(path); above !== '/'; above = dirname(above)) {
    if (
      await stat(above).then(
        (s) => s.isDirectory(),
        () => false,
      )
    )
      return true;
  }
  return false;
}

function faultFor(error: unknown, where: string): Fault {
  const message = error instanceof Error ? error.message : String(error);
  switch (codeOf(error)) {
    case 'EACCES':
    case 'EPERM':
      return fault('AccessDenied', `not allowed to look at it: ${message}`, where);
    default:
      return fault('StorageUnavailable', message, where);
  }
}

const statusOf = (uri: string, s: { isDirectory(): boolean; size: number; mtimeMs: number }): FileStatus => ({
  path: uri.replace(/(?<=.)\/+$/, ''),
  kind: s.isDirectory() ? 'directory' : 'file',
  length: s.isDirectory() ? 0 : s.size,
  modified: Math.round(s.mtimeMs),
});

async function listPages(
  uri: string,
  path: string,
  take: (page: readonly FileStatus[]) => void,
  signal: AbortSignal,
): Promise<Reading<{ readonly entries: number }>> {
  const names: string[] = [];
  for await (const entry of await opendir(path)) names.push(entry.name);
  names.sort();
  const base = uri.replace(/\/+$/, '');
  let entries = 0;
  for (let at = 0; at < names.length; at += PAGE) {
    signal.throwIfAborted();
    const page = await Promise.all(
      names.slice(at, at + PAGE).map((entry) =>
        stat(join(path, entry)).then(
          (s) => statusOf(`${base}/${entry}`, s),
          (error: unknown) => {
            // Deleted between the listing and the look: it is not in the listing any more.
            if (codeOf(error) === 'ENOENT') return null;
            throw error;
          },
        ),
      ),
    );
    const there = page.filter((s) => s !== null);
    entries += there.length;
    take(there);
  }
  return present({ entries });
}

async function readRange(
  uri: string,
  path: string,
  range: { readonly offset: number; readonly length: number },
): Promise<Reading<Uint8Array>> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const wanted = Math.max(0, Math.min(range.length, size - range.offset));
    const bytes = new Uint8Array(wanted);
    let done = 0;
    while (done < wanted) {
      const { bytesRead } = await file.read(bytes, done, wanted - done, range.offset + done);
      if (bytesRead === 0) {
        return unknown(
          fault('BlocksMissing', `expected ${wanted} bytes at ${range.offset}, found only ${done}`, uri),
        );
      }
      done += bytesRead;
    }
    return present(bytes);
  } finally {
    await file.close();
  }
}

async function prove(name: string, scratch: string): Promise<StorageProof> {
  const probe = join(scratch, `probe-${randomUUID()}`);
  try {
    await mkdir(scratch, { recursive: true });
    await writeFile(probe, probe, { flag: 'wx' });
    const found = await readFile(probe, 'utf8');
    if (found !== probe) throw new Error(`the probe file was read back as ${found.length} other characters`);
  } catch (error) {
    throw failure('StorageNotWritable', `storage ${name}: ${(error as Error).message}`, probe, error);
  } finally {
    await rm(probe, { force: true }).catch(() => undefined);
  }
  const { dev } = await stat(scratch);
  return { identity: `device ${dev}`, endpoint: scratch };
}

async function renameAside(from: string, to: string, uri: string): Promise<void> {
  if (dirname(from) !== dirname(to))
    throw failure('ConfigInvalid', `expected a name in the same directory, found ${to}`, uri);
  try {
    // A copy that refuses an existing target, then the rename: rename alone would replace it.
    await copyFile(from, to, constants.COPYFILE_EXCL);
    await rename(from, to);
  } catch (error) {
    const why = faultFor(error, uri);
    throw failure(why.code, `could not be renamed to ${to}: ${why.message}`, uri, error);
  }
}
