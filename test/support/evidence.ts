/** Small makers of evidence: a healthy default that each test changes in one place. */
import type { Evidence } from '../../domain/evidence.js';
import { fault } from '../../domain/failure.js';
import { runId, type RunId } from '../../domain/ids.js';
import type { Pointers } from '../../domain/ladder.js';
import type { JobLedger } from '../../domain/ledger.js';
import { STRICT } from '../../domain/policy.js';
import { absent, present, unknown } from '../../domain/reading.js';
import type { EmptyJobResult, RepairCheck, RepairOutcome } from '../../domain/repair.js';
import {
  pointFromPath,
  type RestorePoint,
  type SnapshotFacts,
  type Verdict,
} from '../../domain/restore-point.js';
import type { Assessment, RunView, Traces } from '../../domain/situation.js';
import type { OffsetCheck } from '../../domain/offsets.js';

export const RUN_A = runId('a'.repeat(32));
export const RUN_B = runId('b'.repeat(32));

export const path = (run: RunId, id: number): string => `hdfs://nn:8020/flink/checkpoints/${run}/chk-${id}`;
export const point = (run: RunId, id: number): RestorePoint => ({
  ...pointFromPath(path(run, id)),
  time: 1_000,
});
export const TOP = path(RUN_A, 12);
export const OLDER = path(RUN_A, 11);
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

/** No JobManager answers, and ZooKeeper holds the checkpoints of the run. */
const flinkAway = unknown(fault('FlinkUnavailable', 'connection refused'));
const silent: Partial<Assessment> = {
  leader: flinkAway,
  settings: flinkAway,
  runs: flinkAway,
  ha: present([{ run: RUN_A, graph: true, checkpoints: 3, belongs: 'ours' }]),
};
export const EMPTY: EmptyJobResult = {
  is: 'EmptyJobResult',
  run: RUN_A,
  path: `hdfs://nn:8020/flink/ha/job-result-store/default/${RUN_A}_DIRTY.json`,
};
/** Every JobManager stops at the empty result of the run. */
export const stuck = assessment({ ...silent, dirty: present([{ run: RUN_A, path: EMPTY.path, length: 0 }]) });
/** Nobody leads, and nothing else is wrong. */
export const leaderless = (at: number): Assessment =>
  assessment({
    ...silent,
    at,
    leads: present(null),
    needs: { storage: null },
    lostEntries: present([]),
    canStart: true,
  });
/** The run is back, and completes checkpoints from now on. */
export const runsAgain = (): Assessment =>
  assessment({
    runs: present([
      run({ state: 'RUNNING', running: 4, newest: { id: '13', triggered: Date.now() + 60_000 } }),
    ]),
  });
export const mayRepair = {
  is: 'ready',
  modified: 1_000,
  proofs: ['the storage is usable'],
} satisfies RepairCheck;
/** The empty job result was renamed. */
export const repaired = (deadEnd = EMPTY, modified = 1_000): RepairOutcome => ({
  is: 'repaired',
  repair: {
    deadEnd,
    at: 2_000,
    from: deadEnd.path,
    to: `${deadEnd.path}.empty`,
    was: { length: 0, modified },
    proofs: [],
  },
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
export const brokenAt = (at: string): Verdict => ({
  is: 'broken',
  reasons: [fault('StateMissing', 'a shared file is gone', at)],
});
export const broken = brokenAt(TOP);
export const blind: Verdict = { is: 'unknown', reasons: [fault('BlocksMissing', 'no DataNode', TOP)] };

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
  verdicts: { [TOP]: sound },
  offsets: { [TOP]: present(inRange) },
  repair: null,
  openSubmission: null,
  submitted: [],
  chosen: null,
  approved: [],
  ...change,
});
