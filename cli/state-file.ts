/** The bytes of a metadata file, wherever it is, as a source that is read through a small window. */
import { closeSync, fstatSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Call, Storage } from '../adapters/ports.js';
import { fault, type Fault } from '../domain/failure.js';
import { absent, present, unknown, type Reading } from '../domain/reading.js';
import { bytesSource, type Source } from '../formats/cursor.js';
import type { StatePlace } from './state-place.js';

/** A remote file larger than this goes through a temporary file instead of memory. */
const IN_MEMORY = 16 * 1024 * 1024;
const RANGE = 8 * 1024 * 1024;

/** Opens the file, hands it to `use`, and closes it. Absent and unknown stay what they are. */
export async function withStateFile<T>(
  place: StatePlace,
  call: Call,
  use: (source: Source) => T | Promise<T>,
): Promise<Reading<T>> {
  if ('local' in place.metadata) return withLocal(place.metadata.local, use);
  return withRemote(await place.storage(), place.metadata.uri, call, use);
}

async function withLocal<T>(path: string, use: (source: Source) => T | Promise<T>): Promise<Reading<T>> {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    return notOpened(path, error);
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) return unknown(fault('StateCorrupt', 'expected a file', path));
    return present(await use(fileSource(fd, stat.size)));
  } finally {
    closeSync(fd);
  }
}

function notOpened(path: string, error: unknown): Reading<never> {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT' || code === 'ENOTDIR') return absent;
  return unknown(
    fault(code === 'EACCES' ? 'AccessDenied' : 'StorageUnavailable', (error as Error).message, path),
  );
}

const fileSource = (fd: number, size: number): Source => ({
  size,
  read: (into, at) => readSync(fd, into, 0, into.length, at),
});

async function withRemote<T>(
  storage: Storage,
  uri: string,
  call: Call,
  use: (source: Source) => T | Promise<T>,
): Promise<Reading<T>> {
  const status = await storage.stat(uri, call);
  if (status.is !== 'present') return status;
  const { kind, length } = status.value;
  if (kind === 'directory') return unknown(fault('StateCorrupt', 'expected a file, found a directory', uri));
  if (length <= IN_MEMORY) {
    const bytes = await storage.read(uri, { offset: 0, length }, call);
    return bytes.is === 'present' ? present(await use(bytesSource(bytes.value))) : bytes;
  }
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-'));
  try {
    const fd = openSync(join(folder, 'metadata'), 'wx+', 0o600);
    try {
      const failed = await copy(storage, uri, length, fd, call);
      return failed ?? present(await use(fileSource(fd, length)));
    } finally {
      closeSync(fd);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function copy(
  storage: Storage,
  uri: string,
  length: number,
  fd: number,
  call: Call,
): Promise<Reading<never> | undefined> {
  for (let offset = 0; offset < length; offset += RANGE) {
    const part = await storage.read(uri, { offset, length: Math.min(RANGE, length - offset) }, call);
    if (part.is !== 'present') return part;
    writeSync(fd, part.value, 0, part.value.length, offset);
  }
  return undefined;
}

/** A fault as one sentence with its place. */
export const faultText = ({ code, message, where }: Fault): string =>
  `${code}: ${message}${where === undefined ? '' : ` (${where})`}`;
