/** Small makers of evidence: a healthy default that each test changes in one place. */
import type { Evidence } from '../../domain/evidence.js';
import { runId, type RunId } from '../../domain/ids.js';
import type { Pointers } from '../../domain/ladder.js';
import type { JobLedger } from '../../domain/ledger.js';
import { STRICT } from '../../domain/policy.js';
import { absent, present } from '../../domain/reading.js';
import {
  pointFromPath,
  type RestorePoint,
  type SnapshotFacts,
  type Verdict,
} from '../../domain/restore-point.js';
import type { Assessment, RunView } from '../../domain/situation.js';
import type { OffsetCheck } from '../../domain/offsets.js';
import type { Traces } from '../../domain/witness.js';

export const RUN_A = runId('a'.repeat(32));
export const RUN_B = runId('b'.repeat(32));

export const path = (run: RunId, id: number): string => `hdfs://nn:8020/flink/checkpoints/${run}/chk-${id}`;
export const point = (run: RunId, id: number): RestorePoint => ({
  ...pointFromPath(path(run, id)),
  time: 1_000,
});
export const savepoint = (run: RunId, name: string, terminating = false): RestorePoint => ({
  ...pointFromPath(`hdfs://nn:8020/flink/savepoints/${name}`),
  run,
  terminating,
});

export const run = (change: Partial<RunView> = {}): RunView => ({
  run: RUN_A,
  state: 'FAILED',
  started: 1_000,
  ended: 2_000,
  running: 0,
  tasks: 4,
  restoredFrom: { is: 'nothing' },
  completed: 12,
  latest: path(RUN_A, 12),
  newest: { id: '12', triggered: 1_500 },
  firstFault: null,
  ...change,
});

export const ledger = (change: Partial<JobLedger> = {}): JobLedger => ({
  runs: [{ run: RUN_A, started: 1_000, restoredFrom: { is: 'nothing' }, state: 'RUNNING', seen: 1_500 }],
  points: [point(RUN_A, 12)],
  watchedSince: 500,
  gaps: [],
  complete: true,
  ...change,
});

/** The thread's incident: the run is FAILED, its HA data is gone. */
export const assessment = (change: Partial<Assessment> = {}): Assessment => ({
  at: 10_000,
  leader: present({ endpoint: 'http://jm:8081', version: '1.20.5' }),
  settings: present('as configured'),
  runs: present([run()]),
  ha: present([]),
  dirty: absent,
  ledger: present(ledger()),
  ...change,
});

export const facts: SnapshotFacts = {
  formatVersion: 4,
  checkpointId: '12',
  operators: 5,
  files: 7,
  bytes: 7_000,
  sha256: 'f'.repeat(64),
  claimHazards: [],
  partitions: 2,
  positions: [],
};
export const sound: Verdict = { is: 'sound', facts };

export const inRange: OffsetCheck = {
  gone: [],
  replaced: [],
  inRange: 2,
  markers: 0,
  added: 0,
  toReplay: '440',
  expires: null,
  transactions: null,
};

export const pointers = (
  points: readonly RestorePoint[] = [point(RUN_A, 12), point(RUN_A, 11)],
): Pointers => ({
  lineage: [{ run: RUN_A, started: 1_000, restoredFrom: { is: 'nothing' } }],
  sources: [{ source: 'directory', where: 'hdfs://nn:8020/flink/checkpoints', points: present(points) }],
});

/** Nobody knows how the run ended; what it leaves behind has stood still for long enough. */
export const stoodStill = (of: RunId = RUN_A) => {
  const traces: Traces = {
    run: of,
    quietAt: 0,
    apart: 0,
    where: `hdfs://nn:8020/flink/checkpoints/${of}`,
    groupId: null,
    directory: present('chk-12'),
    group: absent,
  };
  return { traces, still: { since: 0, seen: traces } };
};

export const evidence = (change: Partial<Evidence> = {}): Evidence => ({
  policy: STRICT,
  since: 1_200,
  assessment: assessment(),
  pointers: pointers(),
  verdicts: { [path(RUN_A, 12)]: sound },
  offsets: { [path(RUN_A, 12)]: present(inRange) },
  repair: null,
  openSubmission: null,
  submitted: [],
  chosen: null,
  approved: [],
  ...change,
});
