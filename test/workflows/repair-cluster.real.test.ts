import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { fault, failure } from '../../domain/failure.js';
import { runId } from '../../domain/ids.js';
import type { EmptyJobResult, RepairOutcome, RepairRequest } from '../../domain/repair.js';
import type { NoJobManager } from '../../domain/start-cluster.js';
import { repaired } from '../support/evidence.js';
import { scripted } from '../support/scripted.js';

/** What the fake step did, in order. */
const log: string[] = [];
let atWork = 0;
let mostAtWork = 0;

/** Every request of a case has an id of its own; the same id would be the same request, also after its end. */
const ask = (what: RepairRequest) => on.client.repairDeadEnd('counts', what, randomUUID());

type EmptyRequest = RepairRequest & { readonly deadEnd: EmptyJobResult };
const request = (digit: string, modified = 1_000): EmptyRequest => {
  const run = runId(digit.repeat(32));
  const path = `hdfs://nn/ha/job-result-store/default/${run}_DIRTY.json`;
  return { job: 'window-counts', deadEnd: { is: 'EmptyJobResult', run, path }, modified };
};

const start = (digit: string): RepairRequest => ({
  job: 'window-counts',
  deadEnd: { is: 'NoJobManager', run: runId(digit.repeat(32)), leader: null },
  modified: 1_000,
});

/** The rename, which takes a moment; the storage is away for run `d…`. */
const activities = {
  repairDeadEnd: async ({ deadEnd, modified }: EmptyRequest): Promise<RepairOutcome> => {
    mostAtWork = Math.max(mostAtWork, ++atWork);
    log.push(deadEnd.run.slice(0, 1));
    await new Promise((resolve) => setTimeout(resolve, 50));
    atWork--;
    if (deadEnd.run.startsWith('d')) throw failure('StorageUnavailable', 'connection refused', deadEnd.path);
    return repaired(deadEnd, modified);
  },
  startCluster: async ({ deadEnd }: { readonly deadEnd: NoJobManager }): Promise<RepairOutcome> => {
    mostAtWork = Math.max(mostAtWork, ++atWork);
    log.push(`start ${deadEnd.run.slice(0, 1)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
    atWork--;
    return { is: 'started', start: { run: deadEnd.run, at: 2_000, leader: 'http://jm:8081', proofs: [] } };
  },
};

const on = scripted(activities);

describe('the repairs of a cluster', () => {
  test('fifty cases ask for the same repair: it is done once, and all fifty get the answer', async () => {
    log.length = 0;
    const answers = await Promise.all(Array.from({ length: 50 }, () => ask(request('a'))));
    expect(answers.every((answer) => answer.is === 'repaired')).toBe(true);
    expect(log).toEqual(['a']);
  });

  test('different repairs are done one at a time', async () => {
    mostAtWork = 0;
    log.length = 0;
    const wanted = [...['1', '2', '3', '4'].map((d) => request(d)), start('5'), start('5'), start('6')];
    const answers = await Promise.all(wanted.map(ask));
    expect(mostAtWork).toBe(1);
    expect(log.toSorted()).toEqual(['1', '2', '3', '4', 'start 5', 'start 6']);
    expect(answers.at(-1)).toMatchObject({ is: 'started', start: { leader: 'http://jm:8081' } });
  });

  test('a request that is repeated with the same id is the same request', async () => {
    log.length = 0;
    const id = randomUUID();
    const first = await on.client.repairDeadEnd('counts', request('b'), id);
    expect(await on.client.repairDeadEnd('counts', request('b'), id)).toEqual(first);
    expect(log).toEqual(['b']);
  });

  test('one that failed is answered with its fault, stops no other, and may be asked for again', async () => {
    const [failed, other] = await Promise.all([ask(request('d')), ask(request('e'))]);
    const path = request('d').deadEnd.path;
    expect(failed).toEqual({
      is: 'failed',
      fault: fault('StorageUnavailable', 'connection refused', path),
    });
    expect(other.is).toBe('repaired');
    log.length = 0;
    expect((await ask(request('d'))).is).toBe('failed');
    expect(log).toEqual(['d']);
  });
});
