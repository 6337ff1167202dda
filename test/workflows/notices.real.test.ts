/** People are told beside the course of a case, on a real Temporal server: nothing waits for it, nothing fails by it. */
import { beforeEach, expect, test } from 'vitest';
import type { Notice } from '../../domain/notice.js';
import { until } from '../../stack/wait.js';
import { said, type Steps } from '../support/cases.js';
import { path, RUN_A } from '../support/evidence.js';
import { opened, quick, scripted, smooth } from '../support/scripted.js';

let told: Notice[];
let confirmed: boolean;
/** Holds back every notice until it is called. */
let deliver: () => void;
let delivered: Promise<void>;
let refuse: boolean;

const steps: Steps = {
  ...smooth,
  openCase: async ({ job }) => opened(job, { ...quick, attempts: 1 }, { noticesFrom: 'warning' }),
  confirmRestored: async () => {
    confirmed = true;
    return { is: 'proved', at: 6_000, runningAt: 5_500, proofs: ['all tasks run'] };
  },
  notify: async (notice) => {
    told.push(notice);
    await delivered;
    if (refuse) throw new Error('the receiver’s adapter has a bug');
    return [{ receiver: 'notices[0] (slack)', failed: null }];
  },
};

const on = scripted(steps);
const { endOf } = on;
beforeEach(() => {
  told = [];
  confirmed = false;
  refuse = false;
  delivered = new Promise((resolve) => (deliver = resolve));
});

const statusOf = async (job: string) =>
  (await on.raw.workflow.getHandle(`recover/counts/${job}`).describe()).status.name;

test('a job is restored while no receiver answers, and the case ends when they have', async () => {
  await on.client.recover('window-counts', said);
  await until('the job is restored', async () => confirmed);
  await until('both were told', async () => told.length === 2);
  expect(told.map((n) => n.kind)).toEqual(['CaseOpened', 'CaseResumed']);
  expect(told[1]).toMatchObject({ state: 'over', ends: [told[0]?.key] });
  expect(told[1]?.summary).toContain(path(RUN_A, 12));
  expect(await statusOf('window-counts')).toBe('RUNNING');
  deliver();
  expect(await endOf('window-counts')).toMatchObject({ outcome: 'resumed' });
});

test('a notice that cannot be sent at all fails no case', async () => {
  refuse = true;
  deliver();
  await on.client.recover('totals', said);
  expect(await endOf('totals')).toMatchObject({ outcome: 'resumed' });
  expect(new Set(told.map((n) => n.kind))).toEqual(new Set(['CaseOpened', 'CaseResumed']));
});
