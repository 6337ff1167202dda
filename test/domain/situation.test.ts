import { describe, expect, test } from 'vitest';
import { fault } from '../../domain/failure.js';
import { absent, present, unknown } from '../../domain/reading.js';
import { situationOf, type Assessment, type HaView } from '../../domain/situation.js';
import { assessment, ledger, path, run, RUN_A, RUN_B } from '../support/evidence.js';

const cut = unknown(fault('FlinkUnavailable', 'connection refused'));
const ha = (change: Partial<HaView> = {}): HaView => ({
  run: RUN_A,
  graph: true,
  checkpoints: 3,
  belongs: 'ours',
  ...change,
});
const alive = run({ state: 'RUNNING', running: 4, ended: null });
const cancelled = ledger({
  runs: [{ run: RUN_B, started: 5_000, restoredFrom: { is: 'unseen' }, state: 'CANCELED', seen: 6_000 }],
});

/** One row of the table in the design, section 4.2: what is seen, and who can bring the job back. */
const table: readonly [promise: string, seen: Partial<Assessment>, expected: string][] = [
  ['all tasks run and checkpoints complete', { runs: present([alive]), ledger: absent }, 'healthy'],
  [
    'RUNNING without a TaskManager is not healthy',
    { runs: present([run({ state: 'RUNNING', running: 0 })]) },
    'flink-recovering',
  ],
  [
    'running, but no checkpoint completed yet',
    { runs: present([{ ...alive, completed: 0 }]), ledger: absent },
    'flink-recovering',
  ],
  ['RESTARTING is left to Flink', { runs: present([run({ state: 'RESTARTING' })]) }, 'flink-recovering'],
  ['CANCELLING is somebody at work', { runs: present([run({ state: 'CANCELLING' })]) }, 'flink-recovering'],
  ['HA data there, JobManager gone', { runs: cut, leader: cut, settings: cut, ha: present([ha()]) }, 'held'],
  ['HA data there, JobManager just back', { runs: present([]), ha: present([ha()]) }, 'held'],
  ['HA data half gone', { ha: present([ha({ graph: false })]) }, 'cleaning'],
  [
    'a job result waits for clean-up',
    { ha: present([ha()]), dirty: present([{ run: RUN_A, path: '/r/a_DIRTY.json', length: 300 }]) },
    'cleaning',
  ],
  [
    'an empty job result stops every JobManager',
    { runs: cut, ha: present([ha()]), dirty: present([{ run: RUN_A, path: '/r/a_DIRTY.json', length: 0 }]) },
    'dead-end',
  ],
  ['a person cancelled', { runs: present([run({ state: 'CANCELED' })]) }, 'ended'],
  ['it finished', { runs: present([run({ state: 'FINISHED' })]) }, 'ended'],
  [
    'the JobManager forgot, the ledger saw it cancelled',
    { runs: present([]), ledger: present(cancelled) },
    'ended',
  ],
  ['an old FAILED run does not hide a newer cancelled one', { ledger: present(cancelled) }, 'ended'],
  ['HA data gone and FAILED seen', {}, 'abandoned'],
  [
    'HA data gone, the ledger last saw RESTARTING',
    {
      runs: present([]),
      ledger: present(
        ledger({
          runs: [{ run: RUN_A, started: 1, restoredFrom: { is: 'unseen' }, state: 'RESTARTING', seen: 2 }],
        }),
      ),
    },
    'abandoned',
  ],
  ['HA data gone, nobody saw it end', { runs: present([]) }, 'vanished'],
  ['nothing at all is known', { runs: present([]), ledger: absent }, 'vanished'],
  [
    'running from nothing although older runs have points',
    { runs: present([{ ...alive, run: RUN_B, started: 9_000, completed: 1 }, run()]) },
    'blank',
  ],
  [
    'Flink started the same run over, its own checkpoints forgotten',
    { runs: present([{ ...alive, completed: 1, newest: { id: '1', triggered: 9_000 } }]) },
    'blank',
  ],
  [
    'Flink started the same run over, and its ids went on',
    {
      runs: present([{ ...alive, started: 5_000, completed: 1, newest: { id: '13', triggered: 9_000 } }]),
    },
    'blank',
  ],
  ['a run whose newest checkpoint the ledger knows is itself', { runs: present([alive]) }, 'healthy'],
  ['two runs are alive', { runs: present([alive, { ...alive, run: RUN_B }]) }, 'twins'],
  ['REST does not answer and HA data is gone', { runs: cut, leader: cut, settings: cut }, 'unknown'],
  ['ZooKeeper does not answer', { ha: unknown(fault('HaStoreUnavailable', 'no quorum')) }, 'unknown'],
  ['the ledger cannot be read', { ledger: unknown(fault('Unclassified', 'no answer')) }, 'unknown'],
  [
    'the job result store cannot be read',
    { dirty: unknown(fault('StorageUnavailable', 'refused')) },
    'unknown',
  ],
  ['the HA settings differ', { settings: present({ differs: 'cluster-id' }) }, 'unknown'],
  ['an HA entry belongs to nobody', { ha: present([ha({ run: RUN_B, belongs: 'nobody' })]) }, 'unknown'],
];

describe('who can bring this job back', () => {
  test.each(table)('%s', (_promise, seen, expected) => {
    expect(situationOf(assessment(seen)).is).toBe(expected);
  });

  test("another job's HA data does not hold ours", () => {
    expect(situationOf(assessment({ ha: present([ha({ run: RUN_B, belongs: 'other' })]) })).is).toBe(
      'abandoned',
    );
  });

  test("another job's empty result is named as what keeps the cluster from starting", () => {
    const path = `/results/${RUN_B}_DIRTY.json`;
    const dirty = present([{ run: RUN_B, path, length: 0 }]);
    const seen = { runs: cut, leader: cut, settings: cut, ha: present([ha()]), dirty };
    const situation = situationOf(assessment(seen));
    expect(situation.is).toBe('held');
    expect(situation.because).toContain(path);
  });

  test('a restored run is never called blank', () => {
    const restored = {
      ...alive,
      run: RUN_B,
      started: 9_000,
      restoredFrom: { is: 'point', path: path(RUN_A, 12) } as const,
    };
    expect(situationOf(assessment({ runs: present([restored, run()]) })).is).toBe('healthy');
  });
});
