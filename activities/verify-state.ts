import pMap from 'p-map';
import type { FileStatus, Storage } from '../adapters/ports.js';
import { fault, type Fault } from '../domain/failure.js';
import type { Reading } from '../domain/reading.js';
import { referencedFiles, type ReferencedFile } from '../formats/files.js';
import type { Snapshot } from '../formats/snapshot.js';

/**
 * How much is looked at. `list`: existence and length, from one listing of each directory. `probe`: also the last byte
 * of a spread sample of files, `all`: of every file: what a dead DataNode takes away shows only when it is read.
 * `read`: every byte.
 */
export type VerifyDepth = 'list' | 'probe' | 'all' | 'read';

export interface VerifyInput {
  /** The storage that the snapshot lies on. Files that it does not own are reported and never looked for. */
  readonly storage: Pick<Storage, 'owns' | 'list' | 'read'>;
  readonly snapshot: Pick<Snapshot, 'operators' | 'directory'>;
  readonly signal: AbortSignal;
  /** Default `list`. */
  readonly depth?: VerifyDepth;
  /** Called after every directory and every file that was read. */
  readonly onProgress?: (progress: { readonly done: number; readonly total: number }) => void;
  /** Calls to the storage at the same time. Default 8. */
  readonly concurrency?: number;
}

export interface Verification {
  /** `broken` needs a proof; a look that was not answered makes `unknown`. A proof of one file outweighs it. */
  readonly verdict: 'sound' | 'broken' | 'unknown';
  /** Why, in the words of the failure catalogue: proofs first. Empty when sound. One for each file or directory. */
  readonly reasons: readonly Fault[];
  readonly files: {
    readonly total: number;
    readonly present: number;
    readonly missing: number;
    readonly wrongLength: number;
    /** Could not be looked at, foreign ones included. */
    readonly unknown: number;
  };
  /** Paths that are proved missing, in order. */
  readonly missing: readonly string[];
  readonly wrongLength: readonly {
    readonly path: string;
    readonly expected: string;
    readonly found: number;
  }[];
  /** Sum of the lengths of the files that are present. */
  readonly bytes: number;
  /** Directories that were listed. */
  readonly directories: number;
}

/** Files whose last byte is read by `probe`. */
const SAMPLE = 256;
/** Bytes of one read. */
const RANGE = 8 * 1024 * 1024;

/** What is known of one file. */
type Finding =
  | { readonly is: 'present'; readonly length: number }
  | { readonly is: 'missing'; readonly fault: Fault }
  | { readonly is: 'wrongLength'; readonly fault: Fault; readonly expected: string; readonly length: number }
  | { readonly is: 'unsafe'; readonly fault: Fault }
  | { readonly is: 'unknown'; readonly fault: Fault };

/**
 * Whether everything that a snapshot refers to is there with the right length. One listing of each directory, not a
 * look at each file. What could not be looked at is unknown, never missing.
 */
export async function verifyState(input: VerifyInput): Promise<Verification> {
  const { storage, signal } = input;
  const depth = input.depth ?? 'list';
  const concurrency = input.concurrency ?? 8;
  const files = referencedFiles(input.snapshot);
  const findings = new Map<string, Finding>();
  const byDirectory = new Map<string, ReferencedFile[]>();
  for (const file of files) {
    const refusal = refusalOf(file, storage);
    if (refusal !== undefined) findings.set(file.path, refusal);
    else {
      const directory = directoryOf(file.path);
      const beside = byDirectory.get(directory);
      if (beside === undefined) byDirectory.set(directory, [file]);
      else beside.push(file);
    }
  }

  let done = 0;
  let total = byDirectory.size;
  const step = (): void => input.onProgress?.({ done: ++done, total });
  const call = { signal };

  await pMap(
    byDirectory,
    async ([directory, wanted]) => {
      for (const [path, finding] of await lookInto(storage, directory, wanted, signal))
        findings.set(path, finding);
      step();
    },
    { concurrency, signal },
  );

  const toRead = filesToRead(
    depth,
    files.filter(({ path }) => findings.get(path)?.is === 'present'),
  );
  total += toRead.length;
  await pMap(
    toRead,
    async ({ path }) => {
      const finding = findings.get(path);
      if (finding?.is !== 'present') return;
      const bad = await readThrough(storage, path, finding.length, depth === 'read', call);
      if (bad !== undefined) findings.set(path, bad);
      step();
    },
    { concurrency, signal },
  );
  return summarize(files, findings, byDirectory.size);
}

/** Why a file is not looked for at all. */
function refusalOf(file: ReferencedFile, storage: Pick<Storage, 'owns'>): Finding | undefined {
  if (file.unsafe !== null)
    return {
      is: 'unsafe',
      fault: fault(
        'StateCorrupt',
        `${file.unsafe}: no Flink writes that; it was not followed`,
        quote(file.path),
      ),
    };
  if (!storage.owns(file.path))
    return {
      is: 'unknown',
      fault: fault(
        'StateForeign',
        'the file lies on another storage; it was not looked for',
        quote(file.path),
      ),
    };
  return undefined;
}

const quote = (path: string): string => JSON.stringify(path).slice(1, -1);

const directoryOf = (path: string): string => path.slice(0, path.lastIndexOf('/'));
const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

async function lookInto(
  storage: Pick<Storage, 'list' | 'read'>,
  directory: string,
  wanted: readonly ReferencedFile[],
  signal: AbortSignal,
): Promise<readonly (readonly [string, Finding])[]> {
  const names = new Map(wanted.map((file) => [nameOf(file.path), file]));
  const seen = new Map<string, FileStatus>();
  const listing = await storage.list(
    directory === '' ? '/' : directory,
    (page) => {
      for (const status of page) {
        const name = nameOf(status.path);
        if (names.has(name)) seen.set(name, status);
      }
    },
    { signal },
  );
  const known = listing.is === 'absent' ? await reallyAbsent(storage, directory, signal) : listing;
  if (known.is === 'unknown')
    return wanted.map(({ path }) => [
      path,
      { is: 'unknown', fault: { ...known.because, where: known.because.where ?? directory } },
    ]);
  const found: (readonly [string, Finding])[] = [];
  for (const [name, file] of names) {
    const status = known.is === 'present' ? seen.get(name) : undefined;
    found.push([
      file.path,
      status === undefined ? missing(file, known.is) : await judge(storage, file, status, signal),
    ]);
  }
  return found;
}

/**
 * A directory is absent only when one above it was listed and does not name it: a namespace that shows nothing at all
 * proves nothing.
 */
async function reallyAbsent(
  storage: Pick<Storage, 'list'>,
  directory: string,
  signal: AbortSignal,
): Promise<Reading<unknown>> {
  const parent = directoryOf(directory);
  // Above the root of the storage there is nothing to list; the storage's own control has to do.
  if (parent === '' || /^[^/]*:\/?\/?[^/]*$/.test(parent)) return { is: 'absent' };
  let there = false;
  const listing = await storage.list(
    parent,
    (page) => {
      there ||= page.some((status) => nameOf(status.path) === nameOf(directory));
    },
    { signal },
  );
  if (listing.is === 'present')
    return there
      ? {
          is: 'unknown',
          because: fault(
            'StorageUnavailable',
            'the directory came or went while it was looked at',
            directory,
          ),
        }
      : { is: 'absent' };
  if (listing.is === 'absent') return reallyAbsent(storage, parent, signal);
  // Beyond what the configuration allows to look at, the storage has had its own control.
  return listing.because.code === 'StateForeign' ? { is: 'absent' } : listing;
}

const missing = (file: ReferencedFile, listing: 'present' | 'absent'): Finding => ({
  is: 'missing',
  fault: fault(
    'StateMissing',
    listing === 'present' ? 'the file is not in its directory' : 'the directory of the file is gone',
    file.path,
  ),
});

/** The length of a file that is there, by the rule of its kind. */
async function judge(
  storage: Pick<Storage, 'read'>,
  file: ReferencedFile,
  { kind, length }: FileStatus,
  signal: AbortSignal,
): Promise<Finding> {
  if (kind === 'directory') return wrong(file, 'a file', length, 'a directory');
  const ok: Finding = { is: 'present', length };
  switch (file.rule) {
    case 'exists':
      return ok;
    case 'exact':
      return length === file.size ? ok : wrong(file, `${file.size} bytes`, length);
    case 'atLeast':
      return length >= file.minSize ? ok : wrong(file, `at least ${file.minSize} bytes`, length);
    case 'changelog': {
      // One byte in front is not counted; behind a compressed one the recorded size says nothing of the length.
      const plain = Number(file.size) + 1;
      if (length === plain) return ok;
      if (length === 0) return wrong(file, `${plain} bytes`, length);
      const first = await storage.read(file.path, { offset: 0, length: 1 }, { signal });
      if (first.is === 'unknown') return { is: 'unknown', fault: first.because };
      if (first.is === 'absent') return missing(file, 'present');
      return first.value[0] === 1 ? ok : wrong(file, `${plain} bytes`, length);
    }
    default:
      return file.rule satisfies never;
  }
}

const wrong = (
  file: ReferencedFile,
  expected: string,
  length: number,
  found = `${length} bytes`,
): Finding => ({
  is: 'wrongLength',
  fault: fault('StateCorrupt', `expected ${expected}, found ${found}`, file.path),
  expected,
  length,
});

function filesToRead(depth: VerifyDepth, files: readonly ReferencedFile[]): readonly ReferencedFile[] {
  if (depth === 'list') return [];
  if (depth !== 'probe' || files.length <= SAMPLE) return files;
  return Array.from(
    { length: SAMPLE },
    (_, i) => files[Math.floor((i * (files.length - 1)) / (SAMPLE - 1))] as ReferencedFile,
  );
}

/** Reads the last byte, or everything; undefined when it could be read. */
async function readThrough(
  storage: Pick<Storage, 'read'>,
  path: string,
  length: number,
  everything: boolean,
  call: { readonly signal: AbortSignal },
): Promise<Finding | undefined> {
  for (let offset = everything ? 0 : Math.max(0, length - 1); offset < length; offset += RANGE) {
    const part = await storage.read(path, { offset, length: Math.min(RANGE, length - offset) }, call);
    if (part.is === 'unknown') return { is: 'unknown', fault: part.because };
    if (part.is === 'absent')
      return {
        is: 'missing',
        fault: fault('StateMissing', 'the file was listed, and is gone when read', path),
      };
  }
  return undefined;
}

function summarize(
  files: readonly ReferencedFile[],
  findings: ReadonlyMap<string, Finding>,
  directories: number,
): Verification {
  const proofs: Fault[] = [];
  const doubts: Fault[] = [];
  const missingPaths: string[] = [];
  const wrongLength: { path: string; expected: string; found: number }[] = [];
  let bytes = 0;
  let there = 0;
  const doubted = new Set<string>();
  for (const { path } of files) {
    const finding = findings.get(path);
    switch (finding?.is) {
      case 'present':
        there++;
        bytes += finding.length;
        break;
      case 'missing':
        missingPaths.push(path);
        proofs.push(finding.fault);
        break;
      case 'wrongLength':
        wrongLength.push({ path, expected: finding.expected, found: finding.length });
        proofs.push(finding.fault);
        break;
      case 'unsafe':
        proofs.push(finding.fault);
        break;
      case 'unknown':
      case undefined: {
        const of = finding?.fault ?? fault('Unclassified', 'the file was not looked at', path);
        const key = `${of.code} ${of.where ?? ''} ${of.message}`;
        // A directory that cannot be read is one reason, however many files it holds.
        if (!doubted.has(key)) doubts.push(of);
        doubted.add(key);
        break;
      }
      default:
        finding satisfies never;
    }
  }
  const unsafe = proofs.length - missingPaths.length - wrongLength.length;
  return {
    verdict: proofs.length > 0 ? 'broken' : doubts.length > 0 ? 'unknown' : 'sound',
    reasons: [...proofs, ...doubts],
    files: {
      total: files.length,
      present: there,
      missing: missingPaths.length,
      wrongLength: wrongLength.length,
      unknown: files.length - there - missingPaths.length - wrongLength.length - unsafe,
    },
    missing: missingPaths,
    wrongLength,
    bytes,
    directories,
  };
}
