import { createHash } from 'node:crypto';
import type { Call, Storage, StorageProof } from '../adapters/ports.js';
import { failure, fault, HoldfastError, type Fault } from '../domain/failure.js';
import { present, unknown, type Reading } from '../domain/reading.js';
import type { KafkaPosition, RestorePoint, SnapshotFacts, Verdict } from '../domain/restore-point.js';
import { FormatError } from '../formats/format-error.js';
import { snapshotContents, type Contents } from '../formats/files.js';
import { kafkaPositions } from '../formats/kafka-positions.js';
import { readMetadata } from '../formats/metadata.js';
import type { Snapshot } from '../formats/snapshot.js';
import type { Deps } from './deps.js';
import { configuredJob } from './job.js';
import { stateReader } from './state-reader.js';
import { verifyState, type VerifyDepth } from './verify-state.js';

/** Bytes of one read. */
const RANGE = 8 * 1024 * 1024;
/** A larger metadata file is not held in memory as a whole: it is read by `holdfast inspect`, not in a recovery. */
const MOST_METADATA = 512 * 1024 * 1024;
/** Positions that are shown to people; the rest is counted. */
const SHOWN = 50;

export interface ReadStateInput {
  readonly job: string;
  readonly point: RestorePoint;
}

/**
 * Is this restore point sound? Proves the storage usable, reads the metadata to its exact end, finds every file with
 * the right length. `broken` needs agreement: two negative answers of the same active NameNode, a write accepted in
 * between, `confirmAfter` apart (design, 4.6).
 */
export async function readState(
  deps: Deps,
  input: ReadStateInput,
  signal: AbortSignal,
  heartbeat: (details: unknown) => void,
): Promise<Verdict> {
  const { job } = configuredJob(deps, input.job);
  const owner = deps.ports.storageOf(input.point.path);
  if ('code' in owner) throw failure(owner.code, owner.message, owner.where);
  const { storage } = owner;
  const call: Call = { signal };
  const [before, first] = await Promise.all([
    storage.proveUsable(call),
    look(storage, input.point, job.policy.verify, call, heartbeat),
  ]);
  if (first.is !== 'broken') return first;

  await deps.ports.clock.sleep(job.policy.confirmAfter, signal);
  const between = await storage.proveUsable(call);
  const second = await look(storage, input.point, job.policy.verify, call, heartbeat);
  const after = await storage.proveUsable(call);
  return agreed(first, second, [before, between, after], input.point.path);
}

/** Two looks that contradict each other, or that two different NameNodes gave, prove nothing. */
function agreed(first: Verdict, second: Verdict, proofs: readonly StorageProof[], path: string): Verdict {
  if (second.is !== 'broken') return second;
  const identities = new Set(proofs.map((p) => p.identity));
  if (identities.size === 1) return first;
  const because = `two looks found it broken, but the storage changed between them: ${[...identities].join(', then ')}`;
  return { is: 'unknown', reasons: [fault('StorageStandby', because, path)] };
}

async function look(
  storage: Storage,
  point: RestorePoint,
  depth: VerifyDepth,
  call: Call,
  heartbeat: (details: unknown) => void,
): Promise<Verdict> {
  const metadata = await readMetadataFile(storage, point.path, call);
  if (metadata.is === 'unknown') return { is: 'unknown', reasons: [metadata.because] };
  if (metadata.is === 'absent') {
    return broken('StateMissing', 'expected a _metadata file in the directory, found none', point.path);
  }
  const parsed = parse(metadata.value, point);
  if ('code' in parsed) return { is: 'broken', reasons: [parsed] };
  const { snapshot, contents } = parsed;
  const { verdict, reasons } = await verifyState({
    storage,
    snapshot,
    signal: call.signal,
    depth,
    onProgress: heartbeat,
  });
  if (verdict !== 'sound') return { is: verdict, reasons: reasons.slice(0, 10) };
  if (depth !== 'list') {
    const blocks = await checkBlocks(storage, point.path, call);
    if (blocks !== null) return { is: 'unknown', reasons: [blocks] };
  }
  const positions = await positionsOf(storage, snapshot, call);
  if (positions.is === 'unknown') return { is: 'unknown', reasons: [positions.because] };
  return {
    is: 'sound',
    facts: factsOf(metadata.value, snapshot, contents, positions.is === 'present' ? positions.value : []),
  };
}

const broken = (code: 'StateMissing' | 'StateCorrupt', message: string, where: string): Verdict => ({
  is: 'broken',
  reasons: [fault(code, message, where)],
});

interface Parsed {
  readonly snapshot: Snapshot;
  readonly contents: Contents;
}

function parse(bytes: Uint8Array, point: RestorePoint): Parsed | Fault {
  try {
    const snapshot = readMetadata(bytes, point.path);
    if (snapshot.trailingBytes > 0) {
      return fault(
        'StateCorrupt',
        `expected the end of _metadata, found ${snapshot.trailingBytes} more bytes`,
        point.path,
      );
    }
    if (point.kind === 'checkpoint' && point.id !== null && String(snapshot.checkpointId) !== point.id) {
      return fault(
        'StateCorrupt',
        `expected checkpoint ${point.id}, the metadata says ${snapshot.checkpointId}`,
        point.path,
      );
    }
    return { snapshot, contents: snapshotContents(snapshot) };
  } catch (error) {
    if (error instanceof FormatError) return fault('StateCorrupt', `_metadata: ${error.message}`, point.path);
    throw error;
  }
}

/** The NameNode's own check of the directory. Missing blocks are unknown, never broken: DataNodes come back. */
async function checkBlocks(storage: Storage, path: string, call: Call): Promise<Fault | null> {
  const health = await storage.blocks(path, call);
  if (health.is === 'unknown') return health.because;
  if (health.is === 'absent' || health.value.healthy) return null;
  const named = [...health.value.missingFiles, ...health.value.corruptFiles].slice(0, 3).join(', ');
  return fault('BlocksMissing', `the NameNode misses blocks of: ${named}`, path);
}

/** The whole `_metadata` file. */
export async function readMetadataFile(
  storage: Storage,
  directory: string,
  call: Call,
): Promise<Reading<Uint8Array>> {
  const path = `${directory}/_metadata`;
  const status = await storage.stat(path, call);
  if (status.is !== 'present') return status;
  const { length } = status.value;
  if (length > MOST_METADATA) return unknown(fault('Unclassified', `the metadata has ${length} bytes`, path));
  const bytes = new Uint8Array(length);
  for (let offset = 0; offset < length; offset += RANGE) {
    const part = await storage.read(path, { offset, length: Math.min(RANGE, length - offset) }, call);
    if (part.is !== 'present') return part;
    bytes.set(part.value, offset);
  }
  return present(bytes);
}

async function positionsOf(
  storage: Storage,
  snapshot: Snapshot,
  call: Call,
): Promise<Reading<readonly KafkaPosition[]>> {
  try {
    // Sources that are not Kafka's have no positions to check; what they need is their own business.
    const { positions } = await kafkaPositions(
      snapshot,
      stateReader(() => Promise.resolve(storage), call),
    );
    return present(positions);
  } catch (error) {
    if (error instanceof HoldfastError) return unknown(error.fault);
    if (error instanceof FormatError)
      return unknown(fault('StateCorrupt', `Kafka positions: ${error.message}`));
    throw error;
  }
}

function factsOf(
  bytes: Uint8Array,
  snapshot: Snapshot,
  contents: Contents,
  positions: readonly KafkaPosition[],
): SnapshotFacts {
  const { totals } = contents;
  return {
    formatVersion: snapshot.formatVersion ?? 0,
    checkpointId: String(snapshot.checkpointId),
    operators: totals.operators,
    files: totals.files,
    bytes: Number(totals.fileBytes) + bytes.length,
    sha256: sha256(bytes),
    claimHazards: claimHazards(snapshot),
    partitions: positions.length,
    positions: positions.slice(0, SHOWN),
  };
}

/** What makes a restore in NO_CLAIM mode impossible or dangerous: the new run would go on using the old run's files. */
function claimHazards(snapshot: Snapshot): readonly string[] {
  const hazards: string[] = [];
  const kinds = new Set(
    snapshot.operators.flatMap((o) => o.subtasks.flatMap((s) => s.managedKeyed.map((k) => k.kind))),
  );
  if (kinds.has('changelog')) hazards.push('the state is a changelog, whose files the new run goes on using');
  if (snapshot.formatVersion !== null && snapshot.formatVersion < 3)
    hazards.push('written before Flink 1.11, which knows no NO_CLAIM mode');
  return hazards;
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Digest of a metadata file, so that the point that was verified is the point that is restored. */
export async function digestOf(deps: Deps, directory: string, call: Call): Promise<string> {
  const owner = deps.ports.storageOf(directory);
  if ('code' in owner) throw failure(owner.code, owner.message, owner.where);
  const read = await readMetadataFile(owner.storage, directory, call);
  if (read.is === 'unknown') throw failure(read.because.code, read.because.message, read.because.where);
  if (read.is === 'absent')
    throw failure('StateMissing', 'expected the _metadata that was verified, found none', directory);
  return sha256(read.value);
}

/** The Kafka positions in a restore point. */
export async function positionsIn(
  deps: Deps,
  directory: string,
  call: Call,
): Promise<Reading<readonly KafkaPosition[]>> {
  const owner = deps.ports.storageOf(directory);
  if ('code' in owner) return unknown(owner);
  const read = await readMetadataFile(owner.storage, directory, call);
  if (read.is !== 'present') return read;
  const parsed = parse(read.value, {
    path: directory,
    kind: 'savepoint',
    id: null,
    run: null,
    time: null,
    terminating: false,
  });
  return 'code' in parsed ? unknown(parsed) : positionsOf(owner.storage, parsed.snapshot, call);
}
