import { describe, expect, test } from 'vitest';
import { fault } from '../../domain/failure.js';
import { fence } from '../../domain/fence.js';
import { absent, present, unknown } from '../../domain/reading.js';
import type { Assessment, Traces } from '../../domain/situation.js';
import type { Stillness } from '../../domain/witness.js';
import { assessment, ledger, run, RUN_A, RUN_B } from '../support/evidence.js';

const lastSeen = (state: string, seen: number) =>
  present(ledger({ runs: [{ run: RUN_A, started: 1, restoredFrom: { is: 'unseen' }, state, seen }] }));

const seen: Traces = {
  run: RUN_A,
  quietAt: 29_000,
  apart: 10_000,
  where: `hdfs://nn:8020/flink/checkpoints/${RUN_A}`,
  groupId: null,
  directory: present('chk-12'),
  group: absent,
};
const still: Stillness = { since: 15_000, seen };
/** No JobManager knows the run, its HA data is gone. */
const gone = (state: string, at: number): Assessment =>
  assessment({ runs: present([]), ledger: lastSeen(state, 9_000), at, traces: seen });

const table: readonly [promise: string, seen: Partial<Assessment>, expected: string | null][] = [
  ['holds when the leading JobManager shows it FAILED', {}, null],
  ['does not hold while it restarts', { runs: present([run({ state: 'RESTARTING' })]) }, 'FlinkRestarting'],
  [
    'does not hold while another run is alive',
    { runs: present([run({ run: RUN_B, state: 'RUNNING', running: 4 }), run()]) },
    'FlinkRestarting',
  ],
  [
    'does not hold when ZooKeeper cannot be read',
    { ha: unknown(fault('HaStoreUnavailable', 'x')) },
    'HaStoreUnavailable',
  ],
  ['does not hold after a cancel', { runs: present([run({ state: 'CANCELED' })]) }, 'FlinkRestarting'],
  [
    'does not hold when no JobManager knows the run, and nobody has looked at what it writes',
    { runs: present([]), ledger: lastSeen('RESTARTING', 9_000), at: 99_000 },
    'NotProvedDead',
  ],
  [
    'waits for no time-out when the archive shows that it has ended',
    {
      runs: present([]),
      ledger: lastSeen('RESTARTING', 9_000),
      archived: present({ run: RUN_A, state: 'FAILED' }),
    },
    null,
  ],
  [
    'does not hold when the archive shows that a person cancelled it',
    {
      runs: present([]),
      ledger: lastSeen('RESTARTING', 0),
      archived: present({ run: RUN_A, state: 'CANCELED' }),
      at: 99_000,
    },
    'FlinkRestarting',
  ],
];

describe('the fence', () => {
  test.each(table)('%s', (_promise, seen, expected) => {
    expect(fence(assessment(seen), false, null)?.code ?? null).toBe(expected);
  });

  test('a job that vanished unseen is restored only with consent', () => {
    const vanished = gone('RUNNING', 99_000);
    expect(fence(vanished, false, still)?.code).toBe('FlinkRestarting');
    expect(fence(vanished, true, still)).toBeNull();
  });

  test('holds for a run that nobody knows when the time-outs are over and nothing has moved since', () => {
    expect(fence(gone('RESTARTING', 29_000), false, still)).toBeNull();
    expect(fence(gone('RESTARTING', 28_999), false, still)?.code).toBe('NotProvedDead');
    expect(fence(gone('RESTARTING', 29_000), false, null)?.code).toBe('NotProvedDead');
  });
});
