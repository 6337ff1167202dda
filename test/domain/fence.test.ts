import { describe, expect, test } from 'vitest';
import { fault } from '../../domain/failure.js';
import { fence } from '../../domain/fence.js';
import { present, unknown } from '../../domain/reading.js';
import type { Assessment } from '../../domain/situation.js';
import { assessment, ledger, run, RUN_A, RUN_B } from '../support/evidence.js';

const times = { heartbeatTimeout: 10_000, sessionTimeout: 10_000 };
const lastSeen = (state: string, seen: number) =>
  present(ledger({ runs: [{ run: RUN_A, started: 1, restoredFrom: { is: 'unseen' }, state, seen }] }));

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
    'waits for the time-outs when no JobManager knows the run',
    { runs: present([]), ledger: lastSeen('RESTARTING', 9_000), at: 10_000 },
    'FlinkRestarting',
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
  [
    'holds when the time-outs have passed',
    { runs: present([]), ledger: lastSeen('RESTARTING', 9_000), at: 29_000 },
    null,
  ],
];

describe('the fence', () => {
  test.each(table)('%s', (_promise, seen, expected) => {
    expect(fence(assessment(seen), times, false)?.code ?? null).toBe(expected);
  });

  test('a job that vanished unseen is restored only with consent', () => {
    const vanished = assessment({ runs: present([]), ledger: lastSeen('RUNNING', 0), at: 99_000 });
    expect(fence(vanished, times, false)?.code).toBe('FlinkRestarting');
    expect(fence(vanished, times, true)).toBeNull();
  });
});
