import { unsafePath } from './flink-path.js';
import { compareLong, addLong, maxLong, type Long } from './long.js';
import { PackedFiles, type FileList } from './packed-files.js';
import type {
  ChannelHandle,
  KeyedHandle,
  OperatorStateHandle,
  Snapshot,
  StreamHandle,
  SubtaskState,
} from './snapshot.js';

/**
 * How the length of a file on the storage relates to what the snapshot says of it (measured on 396 snapshots):
 * `exact` the recorded size; `atLeast` the end of the furthest segment; `changelog` the recorded size plus one byte
 * when the file's first byte is 0, only existence when it is 1 (compressed); `exists` when no size is known.
 */
export type LengthRule = 'exact' | 'atLeast' | 'changelog' | 'exists';

/** A file that a snapshot needs: every handle that leads to it, together. */
export interface ReferencedFile {
  /** As Flink's `Path` prints it. */
  readonly path: string;
  /** Largest recorded size; null when only segments lead here or no size is known. */
  readonly size: Long | null;
  /** All recorded sizes, ascending, when handles differ. */
  readonly conflictingSizes: readonly Long[] | null;
  /** Offset and size, ascending. Empty when no segment leads here. */
  readonly segments: readonly (readonly [Long, Long])[];
  /** Largest end that any handle needs. */
  readonly minSize: Long;
  readonly rule: LengthRule;
  /** Recorded relative to the directory of the metadata. */
  readonly relative: boolean;
  /** Number of handles. */
  readonly references: number;
  /** Scheme and authority differ from those of the snapshot. */
  readonly foreign: boolean;
  /** Why the path must not be followed; null when it may. */
  readonly unsafe: string | null;
}

export interface Totals {
  readonly operators: number;
  readonly subtasks: number;
  /** Flink's own sum. */
  readonly stateSize: Long;
  readonly streamHandles: number;
  readonly inlineHandles: number;
  readonly inlineBytes: number;
  readonly files: number;
  /** Sum of `minSize`. */
  readonly fileBytes: Long;
}

interface Entry {
  size: Long | null;
  sizes: Set<Long> | null;
  segments: Map<Long, Set<Long>> | null;
  changelog: boolean;
  relative: boolean;
  references: number;
}

/**
 * What is known of a path. Almost every file has one handle with a size: `2 * size + relative`, as a number, because
 * half a million objects would cost more than everything else.
 */
type Known = Entry | number;

function entryOf(known: Known): Entry {
  if (typeof known !== 'number') return known;
  return {
    size: Math.floor(known / 2),
    sizes: null,
    segments: null,
    changelog: false,
    relative: known % 2 === 1,
    references: 1,
  };
}

/** Collects what the handles of a snapshot lead to. */
class Walk {
  /** By directory (with its slash) and name. Paths share long beginnings, which would make every comparison slow. */
  readonly directories = new Map<string, Map<string, Known>>();
  private lastDirectory = '';
  private lastNames: Map<string, Known> | undefined;
  streamHandles = 0;
  inlineHandles = 0;
  inlineBytes = 0;

  subtask(subtask: SubtaskState): void {
    for (const handle of subtask.managedOperator) this.operator(handle);
    for (const handle of subtask.rawOperator) this.operator(handle);
    for (const handle of subtask.managedKeyed) this.keyed(handle);
    for (const handle of subtask.rawKeyed) this.keyed(handle);
    for (const handle of subtask.inputChannels) this.channel(handle);
    for (const handle of subtask.resultSubpartitions) this.channel(handle);
  }

  private operator(handle: OperatorStateHandle): void {
    this.stream(handle.delegate, false);
  }

  private channel(handle: ChannelHandle): void {
    if (handle.delegate !== null) this.stream(handle.delegate, false);
  }

  private keyed(handle: KeyedHandle): void {
    switch (handle.kind) {
      case 'keyGroups':
      case 'savepointKeyGroups':
        this.stream(handle.delegate, false);
        return;
      case 'incremental':
        if (handle.meta !== null) this.stream(handle.meta, false);
        this.files(handle.shared);
        this.files(handle.private);
        return;
      case 'changelog':
        for (const inner of handle.materialized) this.keyed(inner);
        for (const inner of handle.nonMaterialized) this.keyed(inner);
        return;
      case 'changelogStream':
        for (const file of handle.handles) if (file.handle !== null) this.stream(file.handle, true);
        return;
      case 'changelogInMemory':
        for (const change of handle.changes) this.inlineBytes += change.size;
        return;
      default:
        handle satisfies never;
    }
  }

  private files(files: FileList): void {
    if (files instanceof PackedFiles) {
      this.streamHandles += files.length;
      files.each((_name, path, size, relative) => this.file(path, size, relative !== null, false));
    } else {
      for (const { handle } of files) this.stream(handle, false);
    }
  }

  stream(handle: StreamHandle, changelog: boolean): void {
    this.streamHandles++;
    switch (handle.kind) {
      case 'inline':
        this.inlineHandles++;
        this.inlineBytes += handle.size;
        return;
      case 'file':
        this.file(handle.path, handle.size, false, changelog);
        return;
      case 'relativeFile':
        this.file(handle.path, handle.size, true, changelog);
        return;
      case 'segment':
        this.segment(handle.path, handle.offset, handle.size);
        return;
      case 'emptySegment':
        return;
      case 'keyGroups':
      case 'savepointKeyGroups':
        this.stream(handle.delegate, changelog);
        return;
      default:
        handle satisfies never;
    }
  }

  /** The names of the directory that a path lies in. */
  private namesOf(directory: string): Map<string, Known> {
    if (this.lastNames !== undefined && directory === this.lastDirectory) return this.lastNames;
    let names = this.directories.get(directory);
    if (names === undefined) this.directories.set(directory, (names = new Map<string, Known>()));
    this.lastDirectory = directory;
    this.lastNames = names;
    return names;
  }

  private entry(path: string): Entry {
    const slash = path.lastIndexOf('/') + 1;
    const names = this.namesOf(path.substring(0, slash));
    const name = path.substring(slash);
    const known = names.get(name);
    if (typeof known === 'object') {
      known.references++;
      return known;
    }
    const entry: Entry =
      known === undefined
        ? { size: null, sizes: null, segments: null, changelog: false, relative: false, references: 0 }
        : entryOf(known);
    entry.references++;
    names.set(name, entry);
    return entry;
  }

  private file(path: string, size: Long, relative: boolean, changelog: boolean): void {
    if (!changelog && typeof size === 'number' && size >= 0 && size < 2 ** 52) {
      const slash = path.lastIndexOf('/') + 1;
      const names = this.namesOf(path.substring(0, slash));
      const name = path.substring(slash);
      if (!names.has(name)) {
        names.set(name, 2 * size + (relative ? 1 : 0));
        return;
      }
    }
    const entry = this.entry(path);
    if (relative) entry.relative = true;
    if (changelog) entry.changelog = true;
    if (size < 0) return;
    if (entry.size === null) entry.size = size;
    else if (entry.size !== size) {
      entry.sizes ??= new Set([entry.size]);
      entry.sizes.add(size);
      entry.size = maxLong(entry.size, size);
    }
  }

  private segment(path: string, offset: Long, size: Long): void {
    const entry = this.entry(path);
    entry.segments ??= new Map<Long, Set<Long>>();
    const sizes = entry.segments.get(offset);
    if (sizes === undefined) entry.segments.set(offset, new Set([size]));
    else sizes.add(size);
  }
}

export interface Contents {
  /** By path, in UTF-16 order. */
  readonly files: readonly ReferencedFile[];
  readonly totals: Totals;
}

/** The files of a snapshot, by path in UTF-16 order. */
export interface FileTable extends Iterable<ReferencedFile> {
  readonly totals: Totals;
  /** The same, without an object for the many files that have one handle and a size. */
  each(
    simple: (directory: string, name: string, size: number, relative: boolean) => void,
    other: (file: ReferencedFile) => void,
  ): void;
}

export function fileTable(snapshot: Pick<Snapshot, 'operators' | 'directory'>): FileTable {
  const walk = new Walk();
  let subtasks = 0;
  let stateSize: Long = 0;
  for (const operator of snapshot.operators) {
    if (operator.coordinatorState !== null) {
      walk.stream(operator.coordinatorState, false);
      stateSize = addLong(stateSize, operator.coordinatorState.size);
    }
    subtasks += operator.subtasks.length;
    for (const subtask of operator.subtasks) {
      stateSize = addLong(stateSize, subtask.stateSize);
      walk.subtask(subtask);
    }
  }
  let files = 0;
  let fileBytes: Long = 0;
  for (const names of walk.directories.values()) {
    files += names.size;
    for (const known of names.values())
      fileBytes = addLong(fileBytes, typeof known === 'number' ? Math.floor(known / 2) : minSizeOf(known));
  }
  const root = rootOf(snapshot.directory);
  return {
    totals: {
      operators: snapshot.operators.length,
      subtasks,
      stateSize,
      streamHandles: walk.streamHandles,
      inlineHandles: walk.inlineHandles,
      inlineBytes: walk.inlineBytes,
      files,
      fileBytes,
    },
    each(simple, other) {
      inOrder(walk.directories, (directory, name, known) => {
        if (typeof known === 'number') simple(directory, name, Math.floor(known / 2), known % 2 === 1);
        else other(referencedFile(directory + name, known, root));
      });
    },
    [Symbol.iterator]() {
      const files: ReferencedFile[] = [];
      inOrder(walk.directories, (directory, name, known) =>
        files.push(referencedFile(directory + name, entryOf(known), root)),
      );
      return files[Symbol.iterator]();
    },
  };
}

type Directories = ReadonlyMap<string, ReadonlyMap<string, Known>>;
type Use = (directory: string, name: string, known: Known) => void;

/** By path in UTF-16 order: directory by directory while none lies in another, else all together. */
function inOrder(directories: Directories, use: Use): void {
  const sorted = [...directories.keys()].sort();
  if (sorted.some((directory, i) => i > 0 && directory.startsWith(sorted[i - 1] ?? ''))) {
    allInOrder(directories, use);
    return;
  }
  for (const directory of sorted) {
    const names = directories.get(directory);
    for (const name of [...(names?.keys() ?? [])].sort()) use(directory, name, names?.get(name) ?? 0);
  }
}

function allInOrder(directories: Directories, use: Use): void {
  const all: (readonly [string, string, string, Known])[] = [];
  for (const [directory, names] of directories)
    for (const [name, known] of names) all.push([directory + name, directory, name, known]);
  all.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  for (const [, directory, name, known] of all) use(directory, name, known);
}

/** All files that a snapshot refers to, each once, with the totals of the snapshot. */
export function snapshotContents(snapshot: Pick<Snapshot, 'operators' | 'directory'>): Contents {
  const table = fileTable(snapshot);
  return { files: [...table], totals: table.totals };
}

/** All files that a snapshot refers to, each once, by path. */
export const referencedFiles = (
  snapshot: Pick<Snapshot, 'operators' | 'directory'>,
): readonly ReferencedFile[] => snapshotContents(snapshot).files;

const NO_SEGMENTS: readonly never[] = [];

function minSizeOf(entry: Entry): Long {
  let end: Long = entry.size ?? 0;
  if (entry.segments !== null)
    for (const [offset, sizes] of entry.segments)
      for (const size of sizes) end = maxLong(end, addLong(offset, size));
  return end;
}

const segmentsOf = (segments: ReadonlyMap<Long, ReadonlySet<Long>>): readonly (readonly [Long, Long])[] =>
  [...segments]
    .sort(([a], [b]) => compareLong(a, b))
    .flatMap(([offset, sizes]) => [...sizes].sort(compareLong).map((size) => [offset, size] as const));

function referencedFile(path: string, entry: Entry, root: string): ReferencedFile {
  return {
    path,
    size: entry.size,
    conflictingSizes: entry.sizes === null ? null : [...entry.sizes].sort(compareLong),
    segments: entry.segments === null ? NO_SEGMENTS : segmentsOf(entry.segments),
    minSize: minSizeOf(entry),
    rule: lengthRule(entry),
    relative: entry.relative,
    references: entry.references,
    foreign: !path.startsWith(root) || (path.length > root.length && path[root.length] !== '/'),
    unsafe: PLAIN.test(path) && !path.includes('..') ? null : (unsafePath(path) ?? null),
  };
}

const PLAIN = /^[\x20-\x7e]*$/;

function lengthRule(entry: Entry): LengthRule {
  if (entry.size !== null) return entry.changelog ? 'changelog' : 'exact';
  return entry.segments === null ? 'exists' : 'atLeast';
}

/** Scheme and authority of a path: `hdfs://nn:8020` of `hdfs://nn:8020/flink`. */
export function rootOf(path: string): string {
  return /^[^:/]*:(?:\/\/[^/]*)?/.exec(path)?.[0] ?? '';
}
