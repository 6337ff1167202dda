import { randomUUID } from 'node:crypto';
import { cancelled } from '@temporalio/activity';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LASTS } from '../../domain/dead-end.js';
import { fault } from '../../domain/failure.js';
import { STRICT } from '../../domain/policy.js';
import { present } from '../../domain/reading.js';
import type { RepairCheck, RepairOutcome } from '../../domain/repair.js';
import type { Assessment } from '../../domain/situation.js';
import { until } from '../../stack/wait.js';
import { JOB, said } from '../support/cases.js';
import {
  assessment,
  EMPTY,
  leaderless,
  mayRepair,
  repaired,
  run,
  RUN_A,
  runsAgain,
  stuck,
} from '../support/evidence.js';
import { gate, type Gate } from '../support/gate.js';
import { opened, quick, scripted } from '../support/scripted.js';

/** What the fake steps find. */
let now: Assessment;
let check: RepairCheck;
let outcome: RepairOutcome;
let storageBack: Gate;
let mended: Gate;
let requested: number;

const activities = {
  openCase: async ({ job }: { job: string }) =>
    opened(job, { ...STRICT, backoff: { ...quick.backoff, initial: 50, max: 50 } }),
  assessRun: async () => now,
  examineDeadEnd: async () => check,
  awaitReturn: () => Promise.race([cancelled(), storageBack.pass().then(() => ({ is: 'returned', at: 1 }))]),
  // Each watch waits for a change of its own; else only what people say ends it.
  watchRun: () =>
    Promise.race([
      cancelled(),
      mended.pass().then(() => {
        mended = gate();
        return 'it runs and completes checkpoints';
      }),
    ]),
  requestRepair: async () => {
    requested++;
    if (outcome.is === 'repaired' || outcome.is === 'started') now = runsAgain();
    return outcome;
  },
};

const on = scripted(activities);
const { phaseIs } = on;
beforeEach(async () => {
  now = stuck;
  check = mayRepair;
  requested = 0;
  storageBack = gate();
  mended = gate();
  outcome = repaired();
});
afterEach(async () => {
  const { summary } = await on.client.caseOf(JOB);
  if (summary.state !== 'open') return;
  await on.client.abort(JOB, said).catch(() => undefined);
  await phaseIs('aborted');
  await on.client.closeCase(JOB, said);
  await until('the case is over', async () => (await on.client.caseOf(JOB)).summary.state !== 'open');
});

const open = () => on.client.recover(JOB, { ...said, requestId: randomUUID() });
const ended = () => until('the case is over', async () => (await on.client.caseOf(JOB)).end ?? undefined);

describe('a case in a dead end', () => {
  test('waits for the storage without an attempt, asks, repairs when approved, and ends healthy', async () => {
    check = { is: 'wait', for: 'storage', until: null, because: fault('StorageNotWritable', 'no DataNode') };
    await open();
    const waiting = await phaseIs('waiting');
    expect(waiting).toMatchObject({
      situation: { is: 'dead-end' },
      waiting: { for: 'storage' },
      because: { code: 'StorageNotWritable' },
      failures: [],
    });
    check = mayRepair;
    storageBack.open();
    const { question } = await phaseIs('asking');
    expect(requested).toBe(0);
    await on.client.approve(JOB, { ...said, question: question?.id ?? '' });
    expect(await ended()).toMatchObject({ outcome: 'healthy', restored: null });
    expect(requested).toBe(1);
    expect((await on.client.status(JOB)).repairs).toMatchObject([
      { from: EMPTY.path, to: `${EMPTY.path}.empty` },
    ]);
  });

  test('without a JobManager has it started when a person agrees, once', async () => {
    now = leaderless(1_000);
    outcome = {
      is: 'started',
      start: { run: RUN_A, at: 2_000, leader: 'http://jm:8081', proofs: ['no JobManager answers'] },
    };
    await open();
    await phaseIs('watching');
    now = leaderless(1_000 + LASTS.NoJobManager);
    mended.open();
    const { question } = await phaseIs('asking');
    expect(question?.approves).toContain('start the JobManager');
    expect(requested).toBe(0);
    await on.client.approve(JOB, { ...said, question: question?.id ?? '' });
    expect(await ended()).toMatchObject({ outcome: 'healthy', restored: null });
    expect(requested).toBe(1);
    expect((await on.client.status(JOB)).starts).toMatchObject([{ run: RUN_A, leader: 'http://jm:8081' }]);
  });

  test('that is rejected repairs nothing and keeps everything', async () => {
    await open();
    const { question } = await phaseIs('asking');
    await on.client.reject(JOB, { ...said, question: question?.id ?? '' });
    await phaseIs('aborted');
    expect(requested).toBe(0);
  });

  test('withdraws its question when somebody has mended it by hand', async () => {
    await open();
    await phaseIs('asking');
    now = runsAgain();
    mended.open();
    expect(await ended()).toMatchObject({ outcome: 'healthy', restored: null });
    expect(requested).toBe(0);
  });

  test('counts a repair that failed as an attempt, and tries it again on the same approval', async () => {
    const done = outcome;
    outcome = { is: 'failed', fault: fault('StorageUnavailable', 'connection refused', EMPTY.path) };
    await open();
    const { question } = await phaseIs('asking');
    await on.client.approve(JOB, { ...said, question: question?.id ?? '' });
    await until('it failed', async () => (await on.client.status(JOB)).failures.length > 0);
    outcome = done;
    storageBack.open();
    expect(await ended()).toMatchObject({ outcome: 'healthy' });
    expect(requested).toBeGreaterThan(1);
  });

  test('is heard while it only watches: an abort does not wait for Flink', async () => {
    now = assessment({ runs: present([run({ state: 'RESTARTING' })]) });
    await open();
    await phaseIs('watching');
    await on.client.abort(JOB, said);
    await phaseIs('aborted');
  });
});
