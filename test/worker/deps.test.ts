import { Client, Connection } from '@temporalio/client';
import { afterAll, describe, expect, test } from 'vitest';
import type { Ports } from '../../adapters/ports.js';
import { ClientError, type HoldfastClient } from '../../client/index.js';
import { parseConfig } from '../../config/load.js';
import { clusterName, jobName } from '../../domain/ids.js';
import { emptyLedger, type JobLedger } from '../../domain/ledger.js';
import { stepDeps } from '../../worker/deps.js';

const config = parseConfig(
  `
storage: { disk: { kind: file, allow: [/data], scratch: /data/probe } }
clusters: { counts: { flink: { rest: ['http://jm:8081'] }, checkpoints: 'file:/data/c' } }
jobs: { totals: { cluster: counts, launch: { jar: x.jar } } }
`,
  { file: '/nowhere/holdfast.yaml', env: {} },
);

/** Never connects: only its abort signals are used. */
const temporal = new Client({ connection: Connection.lazy({ address: '127.0.0.1:1' }) });
afterAll(() => temporal.connection.close());

function readLedger(
  ledger: () => Promise<Readonly<Record<string, JobLedger>> | null>,
  signal = new AbortController().signal,
) {
  const deps = stepDeps(config, {} as Ports, { ledger } as unknown as HoldfastClient, temporal);
  return deps.readLedger(clusterName('counts'), jobName('totals'), signal);
}

describe('the ledger', () => {
  const known = emptyLedger(1);

  test('is present when the watch remembers the job', async () => {
    expect(await readLedger(async () => ({ totals: known }))).toEqual({ is: 'present', value: known });
  });

  test.each([
    ['the cluster was never watched', null],
    ['the watch does not know the job', { other: known }],
  ])('is absent when %s', async (_why, answer) => {
    expect(await readLedger(async () => answer)).toEqual({ is: 'absent' });
  });

  test('is unknown, not absent, when Temporal does not answer', async () => {
    const answer = await readLedger(() =>
      Promise.reject(new ClientError('TemporalUnavailable', 'no answer at 127.0.0.1:1')),
    );
    expect(answer).toMatchObject({
      is: 'unknown',
      because: { message: expect.stringContaining('127.0.0.1:1') as string },
    });
  });

  test('is no answer at all when the step was cut off', async () => {
    const cut = new AbortController();
    cut.abort(new Error('cut off'));
    const look = readLedger(
      () => Promise.reject(new ClientError('TemporalUnavailable', 'cancelled')),
      cut.signal,
    );
    await expect(look).rejects.toThrow('cut off');
  });
});
